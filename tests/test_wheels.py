"""The three distributions, built as wheels and used far from the checkout."""

from __future__ import annotations

import shutil
import signal
import sqlite3
from contextlib import closing
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.support.elsewhere import build_wheels, new_environment, output, running, wait_for
from tests.support.house import ROOT

PROJECTS = {"auzap": ".", "auzap_aurora": "plugins/aurora", "auzap_client_ai": "plugins/client_ai"}
#: what each assistant says first, as the demo channel shows it
ANSWERS = ("Recebi sua mensagem", "Resumo de hoje")


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("wheels")
    return build_wheels(folder, *(ROOT / project for project in PROJECTS.values()))


@pytest.fixture(scope="module")
def installed(wheels: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the commands of an environment that holds the wheels and what they need."""
    return new_environment(tmp_path_factory.mktemp("elsewhere") / "venv", *wheels.values())


@pytest.mark.parametrize("package", PROJECTS)
def test_a_wheel_holds_the_package_its_types_and_its_licence(wheels: dict[str, Path], package: str) -> None:
    with ZipFile(wheels[package]) as archive:
        names = set(archive.namelist())
    here = ROOT / PROJECTS[package] / package
    files = {f"{package}/{file.relative_to(here)}" for file in here.rglob("*") if file.is_file()}
    inside = {name for name in names if name.startswith(f"{package}/")}
    assert inside == {file for file in files if "__pycache__" not in file}
    assert f"{package}/py.typed" in inside
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)
    assert all(name.startswith(f"{package}/") or ".dist-info/" in name for name in names)


@pytest.mark.parametrize("package", PROJECTS)
def test_a_package_is_imported_from_where_it_was_installed(installed: Path, tmp_path: Path, package: str) -> None:
    where = output(installed / "python", "-c", f"import {package}; print({package}.__file__)", cwd=tmp_path)
    assert Path(where).is_relative_to(installed.parent)


def test_the_assistants_are_found_by_name(installed: Path, tmp_path: Path) -> None:
    script = "from importlib.metadata import entry_points as e; print(sorted(p.name for p in e(group='auzap.plugins')))"
    assert output(installed / "python", "-c", script, cwd=tmp_path) == "['aurora', 'client_ai']"


def test_the_command_tells_what_it_can_do(installed: Path, tmp_path: Path) -> None:
    assert "run" in output(installed / "auzap", "--help", cwd=tmp_path)


def test_a_customer_and_the_owner_are_answered(installed: Path, tmp_path: Path) -> None:
    shutil.copy(ROOT / "config.yaml", tmp_path)
    shown = tmp_path / "shown.txt"
    with running(installed / "auzap", "run", "--config", "config.yaml", cwd=tmp_path, shown=shown) as worker:
        wait_for(worker, shown, ANSWERS, seconds=30)
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(timeout=30) == 0, shown.read_bytes().decode(errors="replace")
    with closing(sqlite3.connect(tmp_path / "data" / "auzap.db")) as database:
        assert count(database, "messages", "direction = 'inbound' AND status = 'delivered'") >= 1
        assert count(database, "messages", "direction = 'outbound' AND status = 'sent'") >= 1
        assert count(database, "ai_interactions", "model_used = 'rules'") >= 1
        assert count(database, "aurora_proactive_messages", "message_type = 'tip'") >= 1
        assert count(database, "auzap_inbox", "state <> 'done'") == 0


def count(database: sqlite3.Connection, table: str, condition: str) -> int:
    (number,) = database.execute(f"SELECT count(*) FROM {table} WHERE {condition}").fetchone()
    return int(number)
