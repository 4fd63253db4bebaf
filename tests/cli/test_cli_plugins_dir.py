"""``--plugins-dir``: a plugin in one file, before it is packaged."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import anyio
import pytest

from tests.support.commands import Auzap, wait_until
from tests.support.gateway import GatewayProcess
from tests.support.house import House, environment, job, message

HORARIO = """
import auzap
from auzap.tables import TenantRow
from sqlmodel import Field


class Asked(TenantRow, table=True):
    __tablename__ = "horario_{number}"
    id: int | None = Field(default=None, primary_key=True)
    text: str


class Horario(auzap.Plugin):
    tables = (Asked,)

    @auzap.hookimpl
    async def handle_message(self, message):
        return auzap.Outcome([auzap.Reply(f"Abrimos às 9h ({number}).")], records=[Asked(text=message.text)])
"""


@pytest.fixture
def folder(house: House, request: pytest.FixtureRequest) -> Path:
    """With the plugin that the configuration names, and one that must not be imported."""
    folder = house.folder / "plugins"
    folder.mkdir()
    number = str(abs(hash(request.node.name)))  # tables are declared once a process
    (folder / "horario.py").write_text(HORARIO.replace("{number}", number))
    (folder / "bomb.py").write_text("raise SystemExit('imported')")
    for tenant in house.document["tenants"].values():
        tenant["plugins"] = {"horario": {}}
    house.write()
    return folder


def test_it_runs_with_its_tables_and_nothing_else_is_imported(
    auzap: Auzap, house: House, gateway: GatewayProcess, folder: Path
) -> None:
    assert auzap("check").code == 1
    checked = auzap("check", "--plugins-dir", str(folder))
    assert (checked.code, checked.lines) == (0, [])
    assert "tenant shop: plugins in order: horario\n" in checked.out
    assert auzap("db", "upgrade", "--plugins-dir", str(folder), "--json").json == {"upgraded": ["auzap", "horario.py"]}
    anyio.run(house.put, job(message("Oi!")))
    ran = auzap("run", "--drain", "--plugins-dir", str(folder))
    assert (ran.code, [post.text[:15] for post in gateway.log()]) == (0, ["Abrimos às 9h ("])
    [table] = house.rows("SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'horario_%'")
    assert house.rows(f"SELECT text FROM {table['name']}") == [{"text": "Oi!"}]


def test_the_environment_names_it_too(auzap: Auzap, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUZAP_PLUGINS_DIR", str(folder))
    said = auzap("chat", "--say", "Oi!", "--json").json
    assert said["answered_by"] == "horario"
    found = {one["name"]: one for one in auzap.bare("plugins", "list", "--json").json["plugins"]}
    assert (found["horario"]["distribution"], found["horario"]["version"]) == (f"{folder}/horario.py", None)
    assert found["bomb"]["error"] == (
        f"plugin bomb: {folder}/bomb.py does not load: SystemExit: imported at {folder}/bomb.py:1"
    )
    assert '"plugin.horario"' in auzap.bare("config", "schema").out


def test_a_folder_that_is_none_is_wrong_use(auzap: Auzap, house: House) -> None:
    ran = auzap("check", "--plugins-dir", str(house.folder / "nowhere"))
    assert ran.code == 2
    assert ran.err.startswith("auzap: Invalid value for '--plugins-dir'")
    assert ran.err.endswith("/nowhere' does not exist; see auzap check --help\n")


def test_several_processes_are_given_it(house: House, gateway: GatewayProcess, folder: Path) -> None:
    """The name is relative, as it is typed; the children find the same folder."""
    anyio.run(house.put, *(job(message("Oi!", phone=f"55119000000{number}")) for number in range(10, 14)))
    command = [sys.executable, "-m", "auzap", "run", "--processes", "2", "--plugins-dir", folder.name]
    log = house.folder / "log"
    with (
        log.open("wb") as file,
        subprocess.Popen(command, cwd=house.folder, env=environment(), stdout=file, stderr=file) as process,
    ):
        try:
            wait_until(lambda: process.poll() is not None or gateway.accepted() == 4)
            wait_until(lambda: process.poll() is not None or log.read_text().count("Worker started") == 2)
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=30) == 0, log.read_text()
        finally:
            process.kill()
    assert {post.text[:13] for post in gateway.log()} == {"Abrimos às 9h"}
