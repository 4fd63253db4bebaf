"""``auzap --help``, and how wrong use is told."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from auzap.cli.group import COMMANDS
from tests.support.commands import Auzap
from tests.support.distributions import importable
from tests.support.house import ROOT, House, environment

#: each costs more to import than all of ``--help``
HEAVY = {
    "alembic",
    "anyio",
    "httptools",
    "httpx",
    "pluggy",
    "pydantic",
    "redis",
    "rich",
    "sqlalchemy",
    "sqlmodel",
    "structlog",
}
GROUPS = {
    "queue": ["stats"],
    "dead": ["list", "purge", "retry", "show"],
    "db": ["upgrade"],
    "plugins": ["check", "list", "new", "show"],
    "config": ["schema"],
}
#: need no configuration
FREE = {"plugins list", "plugins new", "config schema", "completion", "init"}
#: print no values
WITHOUT_JSON = {"completion"}


def test_help_imports_no_heavy_module() -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "auzap", "--help"],
        env=environment(),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()}
    assert "click" in imported
    assert imported & HEAVY == set()
    for name, (_, what) in COMMANDS.items():
        assert f"  {name} " in done.stdout
        assert what in done.stdout


@pytest.mark.parametrize("name", [*COMMANDS, *(f"{group} {one}" for group in GROUPS for one in GROUPS[group])])
def test_every_command_has_help(auzap: Auzap, name: str) -> None:
    ran = auzap.bare(*name.split(), "--help")
    assert ran.code == 0
    assert ran.out.startswith(f"Usage: auzap {name} [OPTIONS]")
    if name in GROUPS:
        assert [line.split()[0] for line in ran.out.partition("Commands:\n")[2].splitlines()] == sorted(GROUPS[name])
    else:
        assert ("--config" in ran.out, "AUZAP_CONFIG" in ran.out) == (name not in FREE, name not in FREE)
        assert "--debug" in ran.out
        assert ("--json" in ran.out) == (name not in WITHOUT_JSON)
    assert "..." not in ran.out.partition("Commands:")[2], "a description is cut off"


def test_the_version_is_the_distributions(auzap: Auzap) -> None:
    assert auzap.bare("--version").out == f"auzap, version {version('auzap')}\n"


def test_no_command_at_all_shows_the_help(auzap: Auzap) -> None:
    ran = auzap.bare()
    assert "Commands:" in ran.out + ran.err


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ("nope", "auzap: No such command 'nope'; see auzap --help"),
        ("queue nope", "auzap: No such command 'nope'; see auzap queue --help"),
        ("enqueue", "auzap: Missing argument 'FILE'; see auzap enqueue --help"),
        (
            "enqueue none.jsonl",
            "auzap: Invalid value for 'FILE': 'none.jsonl': No such file or directory; see auzap enqueue --help",
        ),
        ("run --drain now", "auzap: Got unexpected extra argument (now); see auzap run --help"),
        (
            "run --log-level loud",
            (
                "auzap: Invalid value for '--log-level': 'loud' is not one of 'debug', 'info', 'warning', 'error'; "
                "see auzap run --help"
            ),
        ),
        (
            "dead list --limit 0",
            "auzap: Invalid value for '--limit': 0 is not in the range x>=1; see auzap dead list --help",
        ),
        ("dead show", "auzap: Missing argument 'ID'; see auzap dead show --help"),
        ("dead retry", "auzap: name the dead letters by their ids, or say --all; see auzap dead retry --help"),
        (
            "dead retry x --all",
            "auzap: name dead letters by their ids, or say which ones; not both; see auzap dead retry --help",
        ),
        (
            "dead purge x --tenant shop",
            "auzap: name dead letters by their ids, or say which ones; not both; see auzap dead purge --help",
        ),
        ("dead purge", "auzap: name the dead letters by their ids, or say --all; see auzap dead purge --help"),
        (
            "dead purge --before 30",
            (
                "auzap: Invalid value for '--before': '30': a duration needs a unit: write 30s, 30m or 30h; "
                "see auzap dead purge --help"
            ),
        ),
        (
            "dead purge --before yesterday",
            (
                "auzap: Invalid value for '--before': 'yesterday': write an age, such as 30d or 12h, or a date, "
                "such as 2026-01-31; see auzap dead purge --help"
            ),
        ),
    ],
)
def test_wrong_use_is_one_line_and_exit_code_2(auzap: Auzap, arguments: str, line: str) -> None:
    ran = auzap.bare(*arguments.split())
    assert (ran.code, ran.out, ran.err) == (2, "", f"{line}\n")


def test_the_configuration_is_config_yaml_here_or_the_variables(
    house: House, auzap: Auzap, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert auzap.bare("queue", "stats").code == 0
    house.path.rename(tmp_path / "other.yaml")
    assert auzap.bare("queue", "stats").err == "auzap: config.yaml: cannot be read: No such file or directory\n"
    monkeypatch.setenv("AUZAP_CONFIG", str(tmp_path / "other.yaml"))
    assert auzap.bare("queue", "stats").code == 0
    assert auzap.bare("queue", "stats", "-c", "none.yaml").code == 2


# ------------------------------------------------------------------ errors


def test_an_error_is_one_line_and_with_debug_a_traceback(auzap: Auzap, house: House) -> None:
    (house.folder / "queue.db").mkdir()
    ran = auzap("queue", "stats")
    assert (ran.code, ran.err) == (1, f"auzap: queue {house.folder}/queue.db: unable to open database file\n")
    told = auzap("queue", "stats", "--debug")
    assert told.code == 1
    assert told.err.startswith("Traceback")
    assert told.err.endswith(f"QueueUnavailable: queue {house.folder}/queue.db: unable to open database file\n")


@pytest.mark.parametrize(
    ("raised", "code", "line"),
    [
        ("ConfigError('one\\ntwo')", 2, "auzap: one\nauzap: two\n"),
        ("StoreUnavailable('away')", 1, "auzap: away\n"),
        ("ExceptionGroup('several', [StoreUnavailable('away'), ValueError('no')])", 1, "auzap: away\n"),
        ("KeyboardInterrupt", 1, "\nauzap: interrupted\n"),
        (
            "KeyError('a\\nb')",
            1,
            "auzap: unexpected KeyError: 'a\\nb' (auzap_broken_command.py:5); --debug shows more\n",
        ),
    ],
)
def test_whatever_a_command_raises_is_told(
    auzap: Auzap, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, raised: str, code: int, line: str
) -> None:
    (tmp_path / "auzap_broken_command.py").write_text(
        "import click\nfrom auzap.model.errors import ConfigError, StoreUnavailable\n@click.command()\n"
        f"def broken():\n    raise {raised}\n"
    )
    monkeypatch.setitem(COMMANDS, "broken", ("auzap_broken_command:broken", "Raises."))
    with importable(tmp_path):
        ran = auzap.bare("broken")
    assert (ran.code, ran.err) == (code, line)
