"""Console channels in processes of their own, on pipes, files and real terminals."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

__all__ = ["CLIENT", "ENOUGH", "OWNER", "Talk", "Terminal", "lines_of", "talk", "terminal"]

CLIENT, OWNER = "5511900000010", "5511900000001"
#: seconds for anything to happen
ENOUGH = 20.0


class Talk:
    """``tests.support.terminal`` with these arguments."""

    def __init__(
        self, *arguments: str, stdin: Any = subprocess.PIPE, stdout: Any = subprocess.PIPE, **env: str
    ) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.terminal", *arguments],
            stdin=stdin,
            stdout=stdout,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            env={**os.environ, "PYTHONIOENCODING": "utf-8", **env},
            cwd=Path(__file__).parents[2],
            start_new_session=True,
        )
        self.note("ready")
        #: of the process that has the channel
        self.pid = int(self.note("pid ").split()[1])

    def type(self, text: str) -> None:
        """All that is ever typed."""
        assert self.process.stdin is not None
        self.process.stdin.write(text)
        self.process.stdin.close()
        self.process.stdin = None

    def wait_for(self, text: str) -> list[str]:
        """The lines shown until one with this text, that one included."""
        assert self.process.stdout is not None
        shown: list[str] = []
        for line in self.process.stdout:
            shown.append(line)
            if text in line:
                return shown
        raise AssertionError(f"never shown: {text!r} in {shown!r}")

    def note(self, start: str) -> str:
        """The next note, which must begin like this."""
        assert self.process.stderr is not None
        line = self.process.stderr.readline()
        assert line.startswith(start), line + self.process.stderr.read()
        return line.strip()

    def end(self, number: signal.Signals | None = signal.SIGTERM) -> tuple[str, list[dict[str, Any]]]:
        """What was shown since, and what was posted since."""
        if number is not None:
            self.process.send_signal(number)
        shown, noted = self.process.communicate(timeout=ENOUGH)
        assert self.process.returncode == 0, noted
        assert noted.splitlines()[-1] == "ended"
        return shown or "", [json.loads(line) for line in noted.splitlines() if line.startswith("{")]


@contextmanager
def talk(*arguments: str, **more: Any) -> Iterator[Talk]:
    talking = Talk(*arguments, **more)
    try:
        yield talking
    finally:
        if talking.process.poll() is None:
            talking.process.kill()
            talking.process.communicate()


class Terminal:
    """A pseudo-terminal that belongs to the process."""

    def __init__(self, *arguments: str, **env: str) -> None:
        self._master, slave = pty.openpty()
        self.talk = Talk(*arguments, "--own-terminal", stdin=slave, stdout=slave, **env)
        os.close(slave)
        self.shown = ""

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def wait_for(self, text: str) -> None:
        deadline = time.monotonic() + ENOUGH
        while text not in self.shown:
            ready, _, _ = select.select([self._master], [], [], max(deadline - time.monotonic(), 0))
            assert ready, f"never shown: {text!r} in {self.shown!r}"
            self.shown += os.read(self._master, 65_536).decode("utf-8", "replace")

    def end(self) -> list[dict[str, Any]]:
        """Type Ctrl-C. Returns what was posted."""
        self.type("\x03")
        return self.talk.end(None)[1]

    def close(self) -> None:
        if self.talk.process.poll() is None:
            self.talk.process.kill()
            self.talk.process.communicate()
        with suppress(OSError):
            os.close(self._master)


@contextmanager
def terminal(*arguments: str, **env: str) -> Iterator[Terminal]:
    opened = Terminal(*arguments, **env)
    try:
        yield opened
    finally:
        opened.close()


def lines_of(shown: str) -> list[str]:
    """Without colours and a terminal's line ends."""
    return re.sub(r"\x1b\[\d+m", "", shown).replace("\r\n", "\n").splitlines()
