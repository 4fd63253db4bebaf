"""The three distributions, built as wheels and used far from the checkout."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import venv
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from zipfile import ZipFile

import pytest

CHECKOUT = Path(__file__).parents[1]
PROJECTS = {"auzap": ".", "auzap_aurora": "plugins/aurora", "auzap_client_ai": "plugins/client_ai"}
#: what each assistant says first, as the demo channel shows it
ANSWERS = ("Recebi sua mensagem", "Resumo de hoje")


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("wheels")
    projects = (CHECKOUT / project for project in PROJECTS.values())
    pip("wheel", "--no-deps", "--no-build-isolation", "-w", folder, *projects)
    return {wheel.name.partition("-")[0]: wheel for wheel in folder.glob("*.whl")}


@pytest.fixture(scope="module")
def installed(wheels: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the commands of an environment that holds the wheels and what they need."""
    home = tmp_path_factory.mktemp("elsewhere") / "venv"
    venv.create(home)
    commands = home / "bin"
    # without bytecode, which would be made of all that is in them, for the little that is imported here
    install = ("install", "--no-compile", "--constraint", CHECKOUT / "constraints.txt")
    pip("--python", commands / "python", *install, *wheels.values())
    return commands


def pip(*arguments: str | Path) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--retries", "1", *arguments]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)
    unreached = [line for line in done.stderr.splitlines() if "after connection broken by" in line]
    if done.returncode and unreached and "CI" not in os.environ:
        pytest.skip(f"pip reaches no package index: {unreached[0]}")
    assert done.returncode == 0, done.stdout + done.stderr


def environment() -> dict[str, str]:
    """This process's, without what would lead an interpreter back to the checkout."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV", "COV_"))}


def output(command: Path, *arguments: str, cwd: Path) -> str:
    done = subprocess.run(
        [command, *arguments], cwd=cwd, env=environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    return done.stdout.strip()


@pytest.mark.parametrize("package", PROJECTS)
def test_a_wheel_holds_the_package_its_types_and_its_licence(wheels: dict[str, Path], package: str) -> None:
    with ZipFile(wheels[package]) as archive:
        names = set(archive.namelist())
    here = CHECKOUT / PROJECTS[package] / package
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
    shutil.copy(CHECKOUT / "config.yaml", tmp_path)
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


@contextmanager
def running(command: Path, *arguments: str, cwd: Path, shown: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The command without a terminal, all that it writes in one file; killed at the end if it is still there."""
    with (
        shown.open("wb") as file,
        subprocess.Popen(
            [command, *arguments],
            cwd=cwd,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
        ) as process,
    ):
        try:
            yield process
        finally:
            process.kill()


def wait_for(process: subprocess.Popen[bytes], shown: Path, wanted: tuple[str, ...], *, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not all(text.encode() in shown.read_bytes() for text in wanted):
        ended = process.poll() is not None
        if ended or time.monotonic() > deadline:
            told = f"ended with exit code {process.returncode}" if ended else f"not within {seconds:g} s"
            pytest.fail(f"not answered: {told}; shown so far:\n{shown.read_bytes().decode(errors='replace')}")
        time.sleep(0.05)


def count(database: sqlite3.Connection, table: str, condition: str) -> int:
    (number,) = database.execute(f"SELECT count(*) FROM {table} WHERE {condition}").fetchone()
    return int(number)
