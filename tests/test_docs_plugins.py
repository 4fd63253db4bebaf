"""The plugins of the docs, installed as the pages say, answer."""

from __future__ import annotations

import os
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest
import yaml

from tests.support.commands import Auzap, logging_as_before
from tests.support.distributions import importable, install
from tests.support.gateway import GatewayProcess
from tests.support.house import House, job, message
from tests.support.markdown import Page
from tests.support.pages import DOCS, README, block_with
from tests.support.shell import Shell
from tests.support.tty import on_a_terminal

FIRST = DOCS["first-plugin"]
PLUGINS = DOCS["plugins"]


@pytest.fixture
def auzap(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Auzap]:
    with logging_as_before():
        yield Auzap(capsys, tmp_path / "config.yaml")


@pytest.fixture(scope="module")
def gateway() -> Iterator[GatewayProcess]:
    with GatewayProcess() as running:
        yield running


def install_from(page: Page, module: str, folder: Path) -> None:
    """As pip does it, from the page's ``pyproject.toml``."""
    project = tomllib.loads(block_with(page, "[project]"))["project"]
    [(name, value)] = project["entry-points"]["auzap.plugins"].items()
    offered = value.partition(":")[2]
    modules = {module: block_with(page, f"class {offered}(")}
    install(folder, project["name"], project["version"], offers={"auzap.plugins": {name: value}}, modules=modules)


def test_the_plugin_of_the_first_page_answers(tmp_path: Path, auzap: Auzap, gateway: GatewayProcess) -> None:
    echo = re.search(r'`(\w+) = "(auzap_echo:\w+)"`', README.text)
    written = re.search(r"`(echo: \{.*?\})`", README.text)
    assert echo is not None
    assert written is not None
    assert '`[project.entry-points."auzap.plugins"]`' in README.text
    modules = {"auzap_echo.py": block_with(README, "class Echo")}
    install(tmp_path, "auzap-echo", "0.1.0", offers={"auzap.plugins": {echo[1]: echo[2]}}, modules=modules)
    house = House(tmp_path, gateway.url, plugins=yaml.safe_load(written[1]))
    anyio.run(house.put, job(message("Oi!")))
    gateway.clear()
    with importable(tmp_path):
        assert auzap("check").code == 0
        assert auzap("run", "--drain").code == 0
    assert [post.text for post in gateway.log()] == ["eco: Oi!"]


def test_the_plugin_in_ten_minutes_answers_when_all_is_typed(
    tmp_path: Path, auzap: Auzap, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Typed, saved and installed; then somebody talks to it at a terminal, and its test passes."""
    monkeypatch.chdir(tmp_path)
    shell = Shell(auzap, tmp_path, tmp_path / "bin")
    commands = iter(FIRST.commands)
    for command in commands:
        shell.type(command)
        if command.startswith("cd "):
            break
    folder = Path.cwd()
    for name, text in (
        ("auzap_horario.py", "class Horario("),
        ("pyproject.toml", "[project]"),
        ("config.yaml", "channel: console"),
        ("test_horario.py", "def test_"),
    ):
        assert f"`{name}`" in FIRST.text
        (folder / name).write_text(block_with(FIRST, text), encoding="utf-8")
    site = tmp_path / "site"
    site.mkdir()
    install_from(FIRST, "auzap_horario.py", site)
    monkeypatch.setenv("PYTHONPATH", str(site))
    with importable(site):
        assert next(commands) == "pip install -e ."
        shell.type("pip install -e .")
        assert next(commands) == "auzap check"
        checked = shell.type("auzap check")
        assert next(line for line in _quoted(FIRST) if line.startswith("tenant ")) in checked
        said, talking, *testing = commands
        answer = next(line for line in _quoted(FIRST) if line.startswith("Abrimos "))
        assert answer in shell.type(said)
        assert "1 passed" in "".join(shell.type(command) for command in testing)
    path = os.pathsep.join([str(site), *sys.path])
    with on_a_terminal(*talking.split()[1:], folder=folder, PYTHONPATH=path) as screen:
        screen.wait_for(">")
        screen.type("Oi!\r")
        screen.wait_for('Recebi sua mensagem: "Oi!"')
        screen.type("/quem\r")
        screen.wait_for("client_ai")
        screen.type("/sair\r")
        assert screen.end() == 0


def _quoted(page: Page) -> list[str]:
    return re.findall(r"`([^`\n]+)`", page.prose)


def test_the_agenda_plugin_books_once_as_long_as_there_is_room(
    tmp_path: Path, gateway: GatewayProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In processes of its own: its table stays out of the tests' other databases."""
    (tmp_path / "site").mkdir()
    install_from(PLUGINS, "auzap_agenda.py", tmp_path / "site")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    config = yaml.safe_load(block_with(PLUGINS, "channel: console"))
    house = House(tmp_path, gateway.url, plugins=config["tenants"]["petshop"]["plugins"])
    assert "tenant shop: plugins in order: agenda\n" in house.auzap("check").stdout
    gateway.clear()
    anyio.run(house.put, *(job(message("Agendar sábado", phone=f"551190000001{i}")) for i in range(3)))
    anyio.run(house.put, job(message("Oi!")))
    done = house.auzap("run", "--drain")
    assert done.returncode == 0, done.stderr
    texts = sorted(post.text for post in gateway.log())
    assert texts == ["Marcado para sábado! 🐾"] * 2 + ["Não temos mais horário em sábado."]
    assert (
        house.rows("SELECT organization_id, day FROM agenda_bookings")
        == [{"organization_id": "shop", "day": "sábado"}] * 2
    )
    assert house.rows("SELECT reason FROM auzap_inbox WHERE reason IS NOT NULL") == [{"reason": "nobody_answered"}]
