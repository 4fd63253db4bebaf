"""What is typed or piped in, line by line, without holding up anything else."""

from __future__ import annotations

import codecs
import os
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import TextIO

import anyio

__all__ = ["Keyboard"]

_SIZE = 65_536
#: seconds between looks whether a job in the background came to the front
_PATIENCE = 1.0


class Keyboard:
    """A terminal, a pipe or a file. Cancelling whoever waits for a line takes effect at once.

    :param stream: usually ``sys.stdin``; only its descriptor is read. None: nothing is ever typed.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self._file = _descriptor(stream)
        self._encoding = (stream and stream.encoding) or "utf-8"

    @property
    def is_terminal(self) -> bool:
        return self._file is not None and os.isatty(self._file)

    async def lines(self) -> AsyncIterator[str]:
        """Until the end of the input.

        :raises anyio.BusyResourceError: somebody else in this process waits for lines already.
        """
        if self._file is None:
            return
        decoder = codecs.getincrementaldecoder(self._encoding)("replace")
        rest = ""
        while True:
            data = await self._read(self._file)
            *lines, rest = (rest + decoder.decode(data, final=not data)).split("\n")
            for line in lines:
                yield line.rstrip("\r")
            if not data:
                break
        if rest:
            yield rest

    async def _read(self, file: int) -> bytes:
        while True:
            with suppress(PermissionError):  # an ordinary file cannot be waited for: it is always ready
                await anyio.wait_readable(file)
            if not _in_background(file):
                break
            await anyio.sleep(_PATIENCE)
        try:
            return os.read(file, _SIZE)
        except OSError:  # the terminal is gone
            return b""


def _descriptor(stream: TextIO | None) -> int | None:
    """None: there is no input, or something without a descriptor has taken its place."""
    try:
        return stream.fileno() if stream is not None else None
    except (OSError, ValueError):
        return None


def _in_background(file: int) -> bool:
    """Whether the terminal belongs to another job: one that reads then is stopped, the whole worker with it."""
    try:
        return os.tcgetpgrp(file) != os.getpgrp()
    except OSError:  # no terminal, or not ours
        return False
