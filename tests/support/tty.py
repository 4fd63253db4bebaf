"""A command on a terminal of its own, as a person at the keyboard sees it."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.support.house import environment

__all__ = ["Screen", "keeping_output", "on_a_terminal"]

#: takes the terminal, so that Ctrl-C reaches it, then becomes the command
_START = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); "
    "os.execv(sys.executable, [sys.executable, '-m', 'auzap', *sys.argv[1:]])"
)
_COLUMNS = 200
_ENOUGH = 30.0


class Screen:
    """What is shown, and the keyboard."""

    def __init__(self, process: subprocess.Popen[bytes], master: int) -> None:
        self.process = process
        self.raw = ""
        self._master = master

    @property
    def text(self) -> str:
        """Without colours, with plain line ends."""
        return re.sub(r"\x1b\[[0-9;]*m", "", self.raw).replace("\r\n", "\n")

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def wait_for(self, text: str, *, times: int = 1) -> None:
        deadline = time.monotonic() + _ENOUGH
        while self.text.count(text) < times:
            assert self._read(deadline), f"never shown: {text!r} in {self.text!r}"

    def end(self) -> int:
        """Wait for the end. Returns the exit code."""
        deadline = time.monotonic() + _ENOUGH
        while self._read(deadline):
            pass
        return self.process.wait(timeout=_ENOUGH)

    def _read(self, deadline: float) -> bool:
        ready, _, _ = select.select([self._master], [], [], max(deadline - time.monotonic(), 0))
        if not ready:
            return False
        try:
            got = os.read(self._master, 65_536)
        except OSError:  # nobody has the other side open any more
            return False
        self.raw += got.decode("utf-8", "replace")
        return bool(got)


def keeping_output(terminal: int) -> None:
    """Ctrl-C throws away what was written and not yet read, unless the terminal is told to keep it."""
    attributes = termios.tcgetattr(terminal)
    attributes[3] |= termios.NOFLSH
    termios.tcsetattr(terminal, termios.TCSANOW, attributes)


@contextmanager
def on_a_terminal(*arguments: str, folder: Path, columns: int = _COLUMNS, **env: str) -> Iterator[Screen]:
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    keeping_output(slave)
    process = subprocess.Popen(
        [sys.executable, "-c", _START, *arguments],
        env={**environment(), "TERM": "xterm-256color", **env},
        cwd=folder,
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
    )
    os.close(slave)
    try:
        yield Screen(process, master)
    finally:
        process.kill()
        process.wait()
        with suppress(OSError):
            os.close(master)
