"""One process of a supervisor, and the pipe between the two."""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Self

import anyio
from anyio.abc import Process

from auzap.worker.orders import HEADED_OFF, READY

__all__ = ["Child"]


class Child:
    """Used once. When the supervisor is gone, whatever ended it, the other end of the pipe is told so by the system."""

    def __init__(self) -> None:
        self.ready = False
        self._pipe, self._its_end = socket.socketpair()
        self._pipe.setblocking(False)
        self._process: Process | None = None
        self._began = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pipe.close()
        self._its_end.close()

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else None

    @property
    def lived(self) -> float:
        """Seconds, until now."""
        return time.monotonic() - self._began

    async def start(self, command: Callable[[int], Sequence[str]], *, keyboard: bool) -> None:
        """
        :param command: makes the command from the descriptor of the process's end of the pipe.
        :param keyboard: whether it reads what is typed.
        :raises OSError: it cannot be started.
        """
        before = signal.pthread_sigmask(signal.SIG_BLOCK, HEADED_OFF)  # the process inherits it
        try:
            self._process = await anyio.open_process(
                command(self._its_end.fileno()),
                stdin=None if keyboard else subprocess.DEVNULL,
                stdout=None,
                stderr=None,
                pass_fds=[self._its_end.fileno()],
            )
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            self._its_end.close()

    async def wait(self) -> int:
        """Its exit code; a signal's number with a minus."""
        assert self._process is not None  # noqa: S101 - it was started
        code = await self._process.wait()
        self._listen()
        return code

    async def begun(self) -> None:
        """Wait until it says that it is ready, or nothing any more."""
        await anyio.wait_readable(self._pipe)
        self._listen()

    def _listen(self) -> None:
        with suppress(OSError):  # it has said nothing
            self.ready = self.ready or self._pipe.recv(1) == READY

    def tell(self, number: int) -> None:
        """Hand a signal on."""
        with suppress(OSError):  # it is ending
            self._pipe.send(bytes([number]))

    def kill(self) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.kill()
