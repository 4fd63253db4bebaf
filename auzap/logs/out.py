"""The stream that lines are written to."""

from __future__ import annotations

import asyncio
import logging
import os
import select
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import TextIO

__all__ = ["Handler", "Out", "let_vanish"]


def let_vanish(stream: TextIO) -> None:
    """Nobody reads what is written there, nor ever will. Python would try again at its end, complain, and fail."""
    with suppress(OSError, ValueError):  # it has no file, or is closed
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


class Out:
    """The stream. What cannot be written any more is dropped: a closed terminal must not stop the work.

    Lines that the event loop writes in one of its rounds leave together at its end: at every write to a file other
    threads take the interpreter, and it takes long to get it back. What is worse than ``info`` leaves at once, and so
    does what other threads write.
    """

    def __init__(self, stream: TextIO, *, alone: bool = True) -> None:
        """:param alone: no other process writes to it."""
        self._stream = stream
        self._alone = alone
        # reentrant: what the garbage collector ends while a line is written may log too
        self._lock = threading.RLock()
        self._waiting: list[str] = []
        self.is_terminal = stream.isatty()

    def write(self, line: str) -> None:
        with self._lock:
            self._waiting.append(line)
            self.flush()

    def write_soon(self, line: str) -> None:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self.write(line)
            return
        with self._lock:
            if not self._waiting:
                loop.call_soon(self.flush)
            self._waiting.append(line)

    def flush(self) -> None:
        with self._lock:
            lines, self._waiting = self._waiting, []
            if not lines:
                return
            try:
                for text in ["\n".join((*lines, ""))] if self._alone else _pieces(lines):
                    self._put(text)
            except BrokenPipeError:
                let_vanish(self._stream)
            except (OSError, ValueError):  # gone, or closed
                return

    # structlog calls what the level is called
    debug = info = write_soon
    warning = error = critical = write

    def _put(self, text: str) -> None:
        try:
            self._stream.write(text)
        except UnicodeEncodeError as error:
            self._stream.write(text.encode(error.encoding, "backslashreplace").decode(error.encoding))
        self._stream.flush()


def _pieces(lines: list[str]) -> Iterator[str]:
    """Whole lines, as many at a time as a pipe takes at once: between two of them another process may write."""
    piece, size = "", 0
    for line in lines:
        length = len(line.encode("utf-8", "replace")) + 1
        if piece and size + length > select.PIPE_BUF:
            yield piece
            piece, size = "", 0
        piece, size = f"{piece}{line}\n", size + length
    if piece:
        yield piece


class Handler(logging.Handler):
    def __init__(self, out: Out) -> None:
        super().__init__()
        self._out = out

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = self.format(record)
        except Exception:  # noqa: BLE001 - arguments that do not fit the text; told as logging tells it
            self.handleError(record)
        else:
            self._out.write(line)
