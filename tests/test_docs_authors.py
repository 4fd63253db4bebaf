"""The pages for plugin authors: what they type works, and what they look up is there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import auzap
import auzap.testing
from auzap import tables
from auzap.cli.group import COMMANDS
from auzap.hooks.mistakes import HOOKS
from auzap.registry import registry
from scripts.docs.plugin_reference import plugin_reference
from scripts.docs.told import fields_of, required, told
from tests.support.commands import Auzap, logging_as_before
from tests.support.distributions import importable, install
from tests.support.house import ROOT
from tests.support.markdown import Page, code_in
from tests.support.pages import DOCS, block_with
from tests.support.shell import Shell

TUTORIAL = DOCS["tutorial"]
TESTING = DOCS["testing"]
REFERENCE = DOCS["plugin-reference"]
FIRST = DOCS["first-plugin"]


@pytest.fixture
def typed(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Shell]:
    """A shell in an empty folder, whose environment has ``site`` installed."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "site").mkdir()
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    with logging_as_before():
        yield Shell(Auzap(capsys, tmp_path / "config.yaml"), tmp_path, tmp_path / "bin")


def install_folder(folder: Path, site: Path) -> None:
    """As ``pip install -e`` does it."""
    project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    install(site, project["name"], project["version"], offers=project["entry-points"], modules={})
    package = f"auzap_{project['name'].removeprefix('auzap-').replace('-', '_')}"
    (site / package).symlink_to(folder / package)


def run_pytest(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([os.environ["PYTHONPATH"], str(ROOT)])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


# ------------------------------------------------------------------ the tutorial


class Tutorial:
    """The files that somebody has who follows the page."""

    def __init__(self, folder: Path) -> None:
        self.plugin = folder / "auzap_espera" / "plugin.py"
        self.tests = folder / "tests" / "test_espera.py"

    def follow(self, step: int) -> None:
        section = Section(TUTORIAL, step)
        code = [block.text for block in section.blocks if block.language == "python"]
        match step:
            case 2:
                self.plugin.write_text(code[0], encoding="utf-8")
            case 3:
                self.tests.write_text(code[0], encoding="utf-8")
            case 4:
                before = self.plugin.read_text(encoding="utf-8").partition("    @auzap.hookimpl\n")[0]
                self.plugin.write_text(before + code[0], encoding="utf-8")
                self._add(self.tests, f"\n\n{code[1]}")
            case 5:
                self._add(self.plugin, f"\n{code[0]}")
                self._add(self.tests, f"\n\n{code[1]}")

    def _add(self, path: Path, text: str) -> None:
        path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")


class Section(Page):
    """One step of a page."""

    def __init__(self, page: Page, number: int) -> None:
        super().__init__(page.path, ROOT)
        self.text = re.split(r"^## ", page.text, flags=re.MULTILINE)[number]


@pytest.mark.parametrize("last", [pytest.param(3, marks=pytest.mark.soak), 5])
def test_the_tutorial_can_be_followed(typed: Shell, tmp_path: Path, last: int) -> None:
    """To the first tests, and to the end. The contract, which takes its time, is `make soak`'s."""
    new, enter, *_ = Section(TUTORIAL, 1).commands
    typed.type(new)
    typed.type(enter)
    folder = Path.cwd()
    install_folder(folder, tmp_path / "site")
    tutorial = Tutorial(folder)
    for step in range(2, last + 1):
        tutorial.follow(step)
    if last == 5:
        for block in Section(TUTORIAL, 6).blocks:
            if block.language == "yaml":
                name = "tests/espera.conversa.yaml" if "conversa:" in block.text else "config.yaml"
                assert f"`{name}`" in Section(TUTORIAL, 6).text
                (folder / name).write_text(block.text, encoding="utf-8")
    printed = run_pytest("-k", "not contract")
    if last < 5:
        assert "2 passed" in printed
        return
    assert "5 passed" in printed
    env_path = os.environ["PYTHONPATH"]
    with importable(Path(env_path)):
        check, _, chat, play = Section(TUTORIAL, 6).commands[:4]
        assert "plugins in order: espera" in typed.type(check)
        answer = next(text for text in code_in(Section(TUTORIAL, 6).prose) if text.startswith("Você é"))
        assert answer in typed.type(chat)
        assert "0 failed" in typed.type(play)


@pytest.mark.soak
def test_the_tutorials_plugin_keeps_the_contract(typed: Shell, tmp_path: Path) -> None:
    new, enter, *_ = Section(TUTORIAL, 1).commands
    typed.type(new)
    typed.type(enter)
    install_folder(Path.cwd(), tmp_path / "site")
    run_pytest()
    tutorial = Tutorial(Path.cwd())
    for step in range(2, 6):
        tutorial.follow(step)
    assert "5 passed" in run_pytest()


# ------------------------------------------------------------------ testing


def test_the_tests_of_the_page_on_testing_pass(typed: Shell, tmp_path: Path) -> None:
    site = tmp_path / "site"
    modules = {"auzap_horario.py": block_with(FIRST, "class Horario(")}
    install(
        site, "auzap-horario", "0.1.0", offers={"auzap.plugins": {"horario": "auzap_horario:Horario"}}, modules=modules
    )
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_bot.py").write_text(block_with(TESTING, "def bot_setup"), encoding="utf-8")
    (tmp_path / "tests" / "sabado.conversa.yaml").write_text(block_with(TESTING, "conversa:"), encoding="utf-8")
    plugins_page = DOCS["plugins"]
    (site / "auzap_agenda.py").write_text(block_with(plugins_page, "class Agenda("), encoding="utf-8")
    (tmp_path / "tests" / "test_agenda.py").write_text(block_with(plugins_page, "@bot_of(Agenda"))
    assert "4 passed" in run_pytest("tests", "-o", "anyio_mode=auto")
    assert TESTING.commands == ["auzap test"]
    with importable(site):
        assert "0 failed" in typed.type("auzap test")


def test_every_fixture_and_name_that_the_page_tells_of_is_there() -> None:
    names = set(re.findall(r"\bbot\.(\w+)", "\n".join(code_in(TESTING.prose))))
    assert len(names) > 8
    assert [name for name in names if not hasattr(auzap.testing.Bot, name) and name not in ("clock", "gateway")] == []
    for name in re.findall(r"`auzap\.testing\.(\w+)`", TESTING.prose):
        assert hasattr(auzap.testing, name)


# ------------------------------------------------------------------ the reference


@pytest.mark.parametrize("name", [*auzap.__all__, *HOOKS, *auzap.testing.__all__])
def test_the_reference_tells_of_every_public_name(name: str) -> None:
    headings = re.findall(r"^#{2,3} .*$", REFERENCE.prose, re.MULTILINE)
    plain = {re.sub(r"[#`@ ]|auzap\.", "", heading) for heading in headings}
    sections = {"Plugin": "Theplugin"}
    assert sections.get(name, name) in plain, name


def test_the_reference_tells_of_every_table_and_group() -> None:
    assert [code_in(row[0])[0] for row in REFERENCE.table("name")] == tables.__all__
    groups = {code_in(row[0])[0] for row in REFERENCE.table("group")}
    assert groups == {registry._PLUGINS, registry._BACKENDS, registry._COMMANDS}


def test_what_is_not_documented_fails() -> None:
    class Bare:
        field: int

        def method(self, argument: int) -> None: ...

    with pytest.raises(KeyError, match=r"Bare\.field"):
        list(fields_of(Bare))
    with pytest.raises(KeyError, match=r"Bare\.method"):
        required(told(Bare.method).text, "Bare.method")
    assert plugin_reference() == REFERENCE.text


# ------------------------------------------------------------------ what is stable


def test_the_page_on_stability_names_what_there_is() -> None:
    page = DOCS["stability"]
    rows = {row[0]: row[1] for row in page.table("stable")}
    keys = set(code_in(rows["options"]))
    assert keys == set(auzap.Options.model_fields)
    assert set(code_in(rows["entry points"])) == {registry._PLUGINS, registry._BACKENDS, registry._COMMANDS}


def test_every_command_that_the_pages_for_authors_and_hosts_name_is_there() -> None:
    for name in ("tutorial", "testing", "plugins", "tenants", "stability", "cookbook"):
        for command in re.findall(r"`auzap ([a-z]+)", DOCS[name].prose):
            assert command in {*COMMANDS, "language"}, (name, command)
