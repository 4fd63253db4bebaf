"""Commands run in this process, as the entry point runs them."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import structlog

from auzap.cli import main

__all__ = ["Auzap", "Ran", "logging_as_before", "logs_of", "place", "wait_until"]


@dataclass(frozen=True, slots=True)
class Ran:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[str]:
        """What was said on standard error besides the log."""
        return [line for line in self.err.splitlines() if not line.startswith("{")]

    @property
    def log(self) -> list[dict[str, Any]]:
        return logs_of(self.err)


class Auzap:
    """Runs commands with one configuration."""

    def __init__(self, capture: pytest.CaptureFixture[str], path: Path) -> None:
        self._capture = capture
        self.path = path

    def __call__(self, *arguments: str) -> Ran:
        return self.bare(*arguments, "--config", str(self.path))

    def bare(self, *arguments: str) -> Ran:
        """Without naming the configuration."""
        self._capture.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        out, err = self._capture.readouterr()
        assert isinstance(ended.value.code, int)
        return Ran(ended.value.code, out, err)


@contextmanager
def logging_as_before() -> Iterator[None]:
    """``run`` sets up logging for its process, which here is the tests'."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def logs_of(text: str) -> list[dict[str, Any]]:
    """The JSON lines of a log, among others."""
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def place(path: Path, text: str) -> str:
    """Where a text stands first, as messages say it: ``file:line:column``."""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if text in line:
            return f"{path}:{number}:{line.index(text) + 1}"
    raise AssertionError(f"{text!r} does not stand in {path}")


def wait_until(done: Callable[[], bool], *, within: float = 30) -> None:
    """Look again and again.

    :param within: seconds.
    """
    deadline = time.monotonic() + within
    while not done():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)
