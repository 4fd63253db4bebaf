"""``auzap completion``, and what a shell gets from it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import anyio
import pytest

from auzap.cli.group import COMMANDS
from tests.support.commands import Auzap
from tests.support.house import House, environment, job, message


def complete(*words: str, folder: Path, shell: str = "bash", **env: str) -> list[str]:
    """What is suggested for the last of the words behind ``auzap``, as a shell's function asks for it."""
    done = subprocess.run(
        [sys.executable, "-m", "auzap"],
        env={
            **environment(),
            "_AUZAP_COMPLETE": f"{shell}_complete",
            "COMP_WORDS": " ".join(["auzap", *words]),
            "COMP_CWORD": str(len(words)),
            **env,
        },
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return [line.partition(",")[2] for line in done.stdout.splitlines() if line]


def imports_while_completing(*words: str, folder: Path) -> set[str]:
    env = {"_AUZAP_COMPLETE": "bash_complete", "COMP_WORDS": " ".join(["auzap", *words]), "COMP_CWORD": str(len(words))}
    command = [sys.executable, "-X", "importtime", "-m", "auzap"]
    done = subprocess.run(command, env={**environment(), **env}, cwd=folder, capture_output=True, text=True, check=True)
    return {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_says_in_one_line_how_to_install_it(auzap: Auzap, shell: str) -> None:
    ran = auzap.bare("completion", shell)
    assert (ran.code, ran.err) == (0, "")
    first = next(line for line in ran.out.splitlines() if line.startswith("# "))
    assert f"auzap completion {shell}" in first
    assert "_AUZAP_COMPLETE" in ran.out
    assert ran.out.startswith("#compdef auzap\n") == (shell == "zsh")


def test_another_shell_is_refused(auzap: Auzap) -> None:
    ran = auzap.bare("completion", "tcsh")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("auzap: Invalid value for '{bash|zsh|fish}': 'tcsh' is not one of")


def test_commands_are_completed_without_importing_them(tmp_path: Path) -> None:
    assert complete("", folder=tmp_path) == list(COMMANDS)
    assert complete("c", folder=tmp_path) == [name for name in COMMANDS if name.startswith("c")]
    assert complete("dead", "r", folder=tmp_path) == ["retry"]
    assert complete("--v", folder=tmp_path) == ["--version"]
    assert imports_while_completing("", folder=tmp_path) & {"pydantic", "sqlalchemy", "anyio", "rich"} == set()


def test_tenants_are_completed_from_the_configuration(tmp_path: Path) -> None:
    house = House(tmp_path, "http://127.0.0.1:1", tenants=("shop", "salon", "school"))
    assert complete("dead", "list", "--tenant", "s", folder=tmp_path) == ["shop", "salon", "school"]
    assert complete("dead", "purge", "--tenant", "sh", folder=tmp_path) == ["shop"]
    house.path.rename(tmp_path / "other.yaml")
    assert complete("dead", "list", "--tenant", "sh", folder=tmp_path) == []
    assert complete("dead", "list", "-c", "other.yaml", "--tenant", "sh", folder=tmp_path) == ["shop"]
    assert complete("dead", "list", "--tenant", "sh", folder=tmp_path, AUZAP_CONFIG="other.yaml") == ["shop"]


def test_dead_letters_are_completed_and_those_on_the_line_left_out(house: House, auzap: Auzap) -> None:
    anyio.run(house.put, *(job(message("!raise", phone=f"551190000001{i}")) for i in range(3)))
    assert auzap("run", "--drain").code == 0
    ids = [letter["id"] for letter in auzap("dead", "list", "--json").json]
    before = sorted(path.name for path in house.folder.iterdir())
    for command in ("show", "retry", "purge"):
        assert complete("dead", command, "", folder=house.folder) == ids
    assert complete("dead", "retry", ids[0], "", folder=house.folder) == ids[1:]
    assert complete("dead", "show", ids[1][:-1], folder=house.folder) == [
        one for one in ids if one.startswith(ids[1][:-1])
    ]
    assert sorted(path.name for path in house.folder.iterdir()) == before


@pytest.mark.parametrize("content", [None, "queue: [\n", "queue: redis://127.0.0.1\ndatabase: sqlite:///d.db\n"])
def test_completing_writes_nothing_and_never_fails_aloud(tmp_path: Path, content: str | None) -> None:
    if content is None:
        House(tmp_path, "http://127.0.0.1:1")
    else:
        (tmp_path / "config.yaml").write_text(content)
    assert complete("dead", "show", "", folder=tmp_path) == []
    assert complete("dead", "list", "--tenant", "x", folder=tmp_path) == []
    assert [path.name for path in tmp_path.iterdir()] == ["config.yaml"]


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_bash_completes_with_the_script(tmp_path: Path) -> None:
    House(tmp_path, "http://127.0.0.1:1", tenants=("shop", "salon"))
    (tmp_path / "bin").mkdir()
    command = tmp_path / "bin" / "auzap"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m auzap "$@"\n')
    command.chmod(0o755)
    script = """
        eval "$(auzap completion bash)"
        complete -p auzap
        COMP_WORDS=(auzap dead list --tenant s) COMP_CWORD=4
        _auzap_completion auzap
        printf '%s\\n' "${COMPREPLY[@]}"
    """
    done = subprocess.run(
        ["bash", "--norc", "-c", script],
        env={**environment(), "PATH": f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[1:] == ["shop", "salon"]
    assert "-F _auzap_completion auzap" in done.stdout
