"""Console channels in processes of their own, on pipes, files and real terminals."""

from __future__ import annotations

import json
import os
import pty
import queue
import re
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from tests.support.tty import keeping_output

__all__ = ["CLIENT", "ENOUGH", "OWNER", "Talk", "Terminal", "lines_of", "talk", "terminal"]

CLIENT, OWNER = "5511900000010", "5511900000001"
#: seconds for anything to happen
ENOUGH = 20.0


class _Lines:
    """What comes out of a pipe, read by a thread of its own."""

    def __init__(self, pipe: IO[str] | None) -> None:
        self._coming: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        #: those that were taken
        self.taken: list[str] = []
        self._thread = threading.Thread(target=self._read, args=[pipe], daemon=True)
        self._thread.start()

    def _read(self, pipe: IO[str] | None) -> None:
        for line in pipe or ():
            self._coming.put(line)
        self._coming.put(None)

    def take(self) -> str | None:
        """The next line; None at the end."""
        line = self._coming.get(timeout=ENOUGH)
        if line is not None:
            self.taken.append(line)
        return line

    def take_all(self) -> list[str]:
        """Those that nobody took so far, up to the end."""
        return list(iter(self.take, None))


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
        self._shown, self._noted = _Lines(self.process.stdout), _Lines(self.process.stderr)
        self.note("ready")
        #: of the process that has the channel
        self.pid = int(self.note("pid ").split()[1])

    def type(self, text: str) -> None:
        """All that is ever typed."""
        assert self.process.stdin is not None
        self.process.stdin.write(text)
        self.process.stdin.close()

    def wait_for(self, text: str) -> list[str]:
        """The lines shown until one with this text, that one included."""
        shown: list[str] = []
        while (line := self._shown.take()) is not None:
            shown.append(line)
            if text in line:
                return shown
        raise AssertionError(f"never shown: {text!r} in {shown!r}")

    def note(self, start: str) -> str:
        """The next note, which must begin like this."""
        line = self._noted.take() or ""
        assert line.startswith(start), "".join(self._noted.taken)
        return line.strip()

    def end(self, number: signal.Signals | None = signal.SIGTERM) -> list[dict[str, Any]]:
        """All that was posted."""
        if number is not None:
            self.process.send_signal(number)
        self.process.wait(timeout=ENOUGH)
        self._noted.take_all()
        noted = self._noted.taken
        assert self.process.returncode == 0, "".join(noted)
        assert noted[-1] == "ended\n"
        return [json.loads(line) for line in noted if line.startswith("{")]

    def rest(self) -> list[str]:
        """What was shown and not waited for; after the end."""
        return self._shown.take_all()

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(timeout=ENOUGH)
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            if pipe is not None:
                pipe.close()


@contextmanager
def talk(*arguments: str, **more: Any) -> Iterator[Talk]:
    talking = Talk(*arguments, **more)
    try:
        yield talking
    finally:
        talking.close()


class Terminal:
    """A pseudo-terminal that belongs to the process."""

    def __init__(self, *arguments: str, **env: str) -> None:
        self._master, slave = pty.openpty()
        keeping_output(slave)
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
        return self.talk.end(None)

    def close(self) -> None:
        self.talk.close()
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
