"""A newcomer's hour: an empty environment, the README, and nothing else. Each step is timed: ``pytest -s``."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.elsewhere import output, running, wait_for
from tests.support.house import ROOT
from tests.support.pages import README

#: what a clone does not have
_NOT_CLONED = (".git", ".venv", ".*_cache", ".coverage*", ".hypothesis", "build", "data", "dist", "__pycache__")
_HOUR = 3600.0


@contextmanager
def _step(name: str, took: dict[str, float]) -> Iterator[None]:
    began = time.monotonic()
    yield
    took[name] = time.monotonic() - began
    print(f"{took[name]:6.1f} s  {name}")


def _first_plugin() -> str:
    """The README's."""
    (plugin,) = (block.text for block in README.blocks if block.language == "python")
    return plugin


@pytest.mark.soak
def test_a_newcomers_hour(tmp_path: Path) -> None:
    home, took = tmp_path / "auzap", dict[str, float]()
    shutil.copytree(ROOT, home, ignore=shutil.ignore_patterns(*_NOT_CLONED))
    shown, auzap = tmp_path / "shown.txt", home / ".venv" / "bin" / "auzap"

    with (
        _step("make run: from nothing to the first answers", took),
        running(Path("make"), "run", cwd=home, shown=shown) as make,
    ):
        wait_for(make, shown, ("bot to customer", "Resumo de hoje"), seconds=900)
        make.terminate()  # which make hands on
        make.wait(30)
    with _step("auzap chat as a customer", took):
        assert "Recebi sua mensagem" in output(auzap, "chat", "--say", "oi", cwd=home)
    with _step("auzap chat as the owner", took):
        assert "resumo" in output(auzap, "chat", "--as", "owner", "--say", "ajuda", cwd=home)
    with _step("a first plugin of one file, and its answer", took):
        (home / "plugins_of_mine").mkdir()
        (home / "plugins_of_mine" / "echo.py").write_text(_first_plugin(), encoding="utf-8")
        config = home / "config.yaml"
        named = config.read_text(encoding="utf-8").replace("plugins:\n", 'plugins:\n      echo: {prefix: "eco: "}\n')
        config.write_text(named, encoding="utf-8")
        told = output(auzap, "chat", "--plugins-dir", "plugins_of_mine", "--say", "oi", cwd=home)
        assert told == "eco: oi"
    assert sum(took.values()) < _HOUR
