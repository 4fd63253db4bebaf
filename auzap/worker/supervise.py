"""Several workers on one machine: started, started again when they die, and told to stop together.

The first one is started alone: it finds what is wrong with the configuration and brings the schema up to date, so that
both happen once. When it begins to work, the others are started.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import anyio

from auzap.logs import get_logger
from auzap.worker.child import Child

__all__ = ["Backoff", "Supervisor"]

log = get_logger("auzap.supervisor")

#: exit codes of a process that cannot start as it is configured
_MISTAKES = (1, 2)


@dataclass(frozen=True, slots=True)
class Backoff:
    """Seconds until a process that ended is started again: twice as long each time, until one lived ``healthy``."""

    first: float = 0.5
    longest: float = 60.0
    healthy: float = 60.0

    def next(self, before: float, lived: float) -> float:
        """:param before: the delay before it was started; 0 for the first one."""
        if before == 0 or lived >= self.healthy:
            return self.first
        return min(before * 2, self.longest)


class Supervisor:
    """Keeps so many processes at work until they are told to stop.

    :param command: makes the command of one of them: its number from 1, whether it is started again, its end of the
        pipe to the supervisor.
    :param until_empty: one that ends with exit code 0 is done.
    """

    def __init__(
        self,
        command: Callable[[int, bool, int], Sequence[str]],
        processes: int,
        *,
        until_empty: bool = False,
        backoff: Backoff = Backoff(),
    ) -> None:
        self._command = command
        self._processes = processes
        self._until_empty = until_empty
        self._backoff = backoff
        self._children: dict[int, Child] = {}
        #: the first one works, or nothing more is to be started
        self._go = anyio.Event()
        self._stopping = anyio.Event()
        #: signals are headed off meanwhile: one after the other
        self._starting = anyio.Lock()
        self._code = 0

    async def run(self) -> int:
        """Until all have ended. Returns the exit code."""
        log.info("Supervisor started", processes=self._processes)
        async with anyio.create_task_group() as beside:
            beside.start_soon(self._obey_signals)
            async with anyio.create_task_group() as places:
                places.start_soon(self._keep, 1)
                await self._go.wait()
                for number in range(2, self._processes + 1):
                    places.start_soon(self._keep, number)
            beside.cancel_scope.cancel()
        log.info("Supervisor stopped", exit_code=self._code)
        return self._code

    def stop(self, number: int) -> None:
        """Hand a signal on to each; all that are not yet at work when it comes again are killed."""
        again = self._stopping.is_set()
        self._stopping.set()
        self._go.set()
        for child in self._children.values():
            child.tell(number)
            if again and not child.ready:
                child.kill()

    async def _obey_signals(self) -> None:
        with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, signal.SIGHUP) as signals:
            async for number in signals:
                if number == signal.SIGHUP:
                    for child in self._children.values():
                        child.tell(number)
                    continue
                log.info("Stopping", signal=signal.Signals(number).name)
                self.stop(number)

    # ------------------------------------------------------------------ one place

    async def _keep(self, number: int) -> None:
        """See that process ``number`` is at work, until it is done."""
        delay, again = 0.0, False
        while not self._stopping.is_set():
            child = Child()
            try:
                code = await self._live(child, number, again)
            except OSError as error:
                log.error("Process not started", process=number, error=str(error))  # noqa: TRY400 - the machine's
                code = None
            again = again or child.ready
            if code is not None and self._is_done(child, number, code, again):
                return
            delay = self._backoff.next(delay, child.lived)
            if code is not None:
                log.warning(
                    "Process ended, to be started again", process=number, pid=child.pid, **ending(code), seconds=delay
                )
            with anyio.move_on_after(delay):
                await self._stopping.wait()

    async def _live(self, child: Child, number: int, again: bool) -> int:
        """From its start to its end. Returns its exit code."""
        with child:
            self._children[number] = child
            async with self._starting:
                await child.start(lambda pipe: self._command(number, again, pipe), keyboard=number == 1)
            if self._stopping.is_set():  # meanwhile
                child.tell(signal.SIGTERM)
            async with anyio.create_task_group() as beside:
                beside.start_soon(self._hear, child)
                code = await child.wait()
                beside.cancel_scope.cancel()
            del self._children[number]
        return code

    async def _hear(self, child: Child) -> None:
        await child.begun()
        if child.ready:
            self._go.set()

    def _is_done(self, child: Child, number: int, code: int, begun: bool) -> bool:
        if not begun and not self._stopping.is_set() and code in _MISTAKES:
            # it has told it; those that work already could not be started again either
            self._code = code
            self.stop(signal.SIGTERM)
            return True
        if self._stopping.is_set():
            if child.ready and code not in (0, -signal.SIGTERM):
                log.warning("Process did not stop as it was told to", process=number, pid=child.pid, **ending(code))
                self._code = self._code or max(code, 1)
            return True
        return self._until_empty and code == 0


def ending(code: int) -> dict[str, object]:
    """For the log: an exit code, or the name of the signal that ended it."""
    if code >= 0:
        return {"exit_code": code}
    try:
        return {"signal": signal.Signals(-code).name}
    except ValueError:
        return {"signal": -code}
