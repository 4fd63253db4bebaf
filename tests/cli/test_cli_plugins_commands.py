"""Commands that plugins bring along: ``auzap.commands``."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.commands import Auzap
from tests.support.distributions import importable, install
from tests.support.house import environment

FAQ = (
    "import click\n\n@click.command()\n@click.argument('word')\ndef faq(word):\n    'Print what is known of WORD.'\n"
    "    click.echo(f'faq: {word}')\n    return 3\n\ndef plain(): ...\n"
)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    install(
        tmp_path,
        "auzap-faq",
        "1.2",
        offers={
            "auzap.commands": {
                "faq": "auzap_faq:faq",
                "fax": "auzap_gone:fax",
                "plain": "auzap_faq:plain",
                "run": "auzap_faq:faq",
            }
        },
        modules={"auzap_faq.py": FAQ, "auzap_gone.py": "import nowhere_at_all\n"},
    )
    with importable(tmp_path):
        yield tmp_path


def test_help_names_them_and_where_they_come_from_and_imports_none(auzap: Auzap, folder: Path) -> None:
    text = auzap.bare("--help").out
    own = text.partition("Commands of plugins:\n")[2].splitlines()
    assert [line.split(None, 1) for line in own[:3]] == [
        ["faq", "Comes with auzap-faq."],
        ["fax", "Comes with auzap-faq."],
        ["plain", "Comes with auzap-faq."],
    ]
    assert not {"auzap_faq", "auzap_gone"} & set(sys.modules)


def test_one_is_called_as_auzaps_own(auzap: Auzap, folder: Path) -> None:
    ran = auzap.bare("faq", "horário")
    assert (ran.code, ran.out, ran.err) == (3, "faq: horário\n", "")
    assert auzap.bare("faq", "--help").out.startswith("Usage: auzap faq [OPTIONS] WORD")
    assert auzap.bare("faq").err == "auzap: Missing argument 'WORD'; see auzap faq --help\n"


def test_a_broken_one_costs_only_itself(auzap: Auzap, folder: Path) -> None:
    ran = auzap.bare("fax")
    assert (ran.code, ran.out, ran.err) == (
        1,
        "",
        (
            "auzap: command fax: auzap-faq 1.2 (auzap_gone:fax) does not load: ModuleNotFoundError: No module named "
            f"'nowhere_at_all' at {folder}/auzap_gone.py:1\n"
        ),
    )
    assert auzap.bare("faq", "oi").code == 3


def test_what_is_no_command_says_what_would_be_right(auzap: Auzap, folder: Path) -> None:
    ran = auzap.bare("plain")
    assert ran.err == (
        "auzap: command plain: auzap-faq 1.2 (auzap_faq:plain) is no click.Command; write @click.command() above a "
        "function\n"
    )


def test_the_name_of_one_of_auzaps_own_is_refused_and_said(auzap: Auzap, folder: Path) -> None:
    assert auzap.bare("run", "--help").out.startswith("Usage: auzap run [OPTIONS]\n")
    told = " ".join(auzap.bare("--help").out.split())
    assert "The command run of auzap-faq 1.2 (auzap_faq:faq) is refused: auzap has one of this name." in told


def test_a_name_that_two_bring_is_told_when_it_is_called(auzap: Auzap, folder: Path) -> None:
    install(folder, "auzap-other", "2", offers={"auzap.commands": {"faq": "auzap_faq:faq"}}, modules={})
    assert "faq    Comes with auzap-faq and auzap-other." in auzap.bare("--help").out
    assert auzap.bare("faq", "oi").err == (
        "auzap: command faq: offered more than once, by auzap-faq 1.2 (auzap_faq:faq) and auzap-other 2 "
        "(auzap_faq:faq); uninstall all but one\n"
    )


def test_a_shell_completes_them(folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "auzap"],
        env={
            **environment(),
            "PYTHONPATH": os.pathsep.join([str(folder), *sys.path]),
            "_AUZAP_COMPLETE": "bash_complete",
            "COMP_WORDS": "auzap fa",
            "COMP_CWORD": "1",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.splitlines() == ["plain,faq", "plain,fax"]
