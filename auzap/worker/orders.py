"""Who tells a worker to stop, or to read its configuration again: by signals, or its supervisor."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable
from typing import Protocol

import anyio
from anyio.abc import TaskStatus

from auzap.logs import get_logger

__all__ = ["HEADED_OFF", "READY", "Orders", "Signals", "Supervised"]

log = get_logger("auzap.worker")

Stop = Callable[[str], None]
Reload = Callable[[], None]

#: what a worker says to its supervisor, once, when it begins to work
READY = b"+"
#: kept from a worker until it can obey them: Ctrl-C reaches everybody at the terminal, also who has just been started
HEADED_OFF = frozenset((signal.SIGTERM, signal.SIGINT, signal.SIGHUP))


class Orders(Protocol):
    """What this process is told, and which part of what is done once for all of them is its."""

    #: whether channels that take messages in by themselves do so here
    listens: bool
    #: whether it says what is wrong with tenants
    tells: bool

    async def obey(self, stop: Stop, reload: Reload) -> None:
        """Until cancelled.

        :param stop: told the name of a signal; the first time to stop, again to stop at once.
        :param reload: told when the configuration is to be read again.
        """


class Signals:
    """A process of its own."""

    listens = True
    tells = True

    async def obey(self, stop: Stop, reload: Reload) -> None:
        with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, signal.SIGHUP) as signals:
            async for number in signals:
                if number == signal.SIGHUP:
                    reload()
                else:
                    stop(signal.Signals(number).name)


class Supervised:
    """One of several. Each byte from the supervisor is a signal that it got; its end is the supervisor's.

    Signals themselves reach a terminal's whole group, and a service's: the same Ctrl-C must not count twice. So SIGTERM
    only ever stops, and the others are the supervisor's alone.

    :param pipe: the descriptor of a socket whose other end only the supervisor holds.
    """

    def __init__(self, pipe: int, *, listens: bool, tells: bool) -> None:
        self.listens = listens
        self.tells = tells
        os.set_inheritable(pipe, False)  # a plugin's own processes would keep it open
        self._pipe = socket.socket(fileno=pipe)
        self._pipe.setblocking(False)
        self._stop: Stop = _nobody
        self._reload: Reload | None = None
        #: told to while there was nobody yet who could
        self._to_reload = False
        self._stopping = False
        for number in (signal.SIGINT, signal.SIGHUP):
            signal.signal(number, _ignore)  # not SIG_IGN, which a plugin's own processes would inherit

    async def take(self, give_up: Callable[[], None], *, task_status: TaskStatus[None]) -> None:
        """Take orders; until cancelled. Started when it takes signals.

        :param give_up: ends the start-up, as long as there is no worker to be told.
        """
        self._stop = lambda _: give_up()
        async with anyio.create_task_group() as both:
            await both.start(self._take_signals)
            task_status.started()
            both.start_soon(self._take_bytes)

    async def obey(self, stop: Stop, reload: Reload) -> None:
        self._stop, self._reload = stop, reload
        if self._to_reload:
            reload()
        try:
            self._pipe.send(READY)
            await anyio.sleep_forever()
        except OSError:  # it is gone, which the other end tells
            await anyio.sleep_forever()
        finally:
            self._stop, self._reload = _nobody, None  # it is closing

    async def _take_signals(self, *, task_status: TaskStatus[None]) -> None:
        with anyio.open_signal_receiver(signal.SIGTERM) as signals:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, HEADED_OFF)
            task_status.started()
            async for number in signals:
                self._stop_once(number)

    async def _take_bytes(self) -> None:
        told = 0
        while orders := await self._read():
            for number in orders:
                if number == signal.SIGHUP:
                    self._reload_or_note()
                    continue
                told += 1
                if told == 1:
                    self._stop_once(number)
                else:
                    self._stop(signal.Signals(number).name)
        log.warning("The supervisor is gone")
        self._stop_once(signal.SIGTERM)

    async def _read(self) -> bytes:
        await anyio.wait_readable(self._pipe)
        try:
            return self._pipe.recv(16)
        except OSError:
            return b""

    def _reload_or_note(self) -> None:
        if self._reload is not None:
            self._reload()
        self._to_reload = True

    def _stop_once(self, number: int) -> None:
        if not self._stopping:
            self._stopping = True
            self._stop(signal.Signals(number).name)


def _nobody(_: str) -> None:
    """Nothing is left to be told."""


def _ignore(*_: object) -> None:
    """What the supervisor decides."""
