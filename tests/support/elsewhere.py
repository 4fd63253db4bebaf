"""Environments far from the checkout, and commands in them."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.house import ROOT

__all__ = ["build_wheels", "environment", "new_environment", "output", "pip", "ran", "running", "wait_for"]


def pip(*arguments: str | Path) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--retries", "1", *arguments]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)
    unreached = [line for line in done.stderr.splitlines() if "after connection broken by" in line]
    if done.returncode and unreached and "CI" not in os.environ:
        pytest.skip(f"pip reaches no package index: {unreached[0]}")
    assert done.returncode == 0, done.stdout + done.stderr


def build_wheels(folder: Path, *projects: Path) -> dict[str, Path]:
    """Package -> its wheel."""
    pip("wheel", "--no-deps", "--no-build-isolation", "-w", folder, *projects)
    return {wheel.name.partition("-")[0]: wheel for wheel in folder.glob("*.whl")}


def new_environment(home: Path, *wheels: Path) -> Path:
    """The folder of the commands of an environment that holds the wheels and what they need."""
    venv.create(home)
    commands = home / "bin"
    # without bytecode, which would be made of all that is in them, for the little that is imported here
    install = ("install", "--no-compile", "--constraint", ROOT / "constraints.txt")
    pip("--python", commands / "python", *install, *wheels)
    return commands


def environment() -> dict[str, str]:
    """This process's, without what would lead an interpreter back to the checkout."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV", "COV_"))}


def ran(command: Path, *arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [command, *arguments], cwd=cwd, env=environment(), capture_output=True, text=True, check=False
    )


def output(command: Path, *arguments: str | Path, cwd: Path) -> str:
    done = ran(command, *arguments, cwd=cwd)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    return done.stdout.strip()


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
