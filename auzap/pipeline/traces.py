"""Traces: who was asked about a turn, what each said, how long it took. Written beside the turns, once a second."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from datetime import datetime
from time import monotonic
from types import TracebackType
from typing import Final, NamedTuple, Self

import anyio
from anyio.abc import TaskGroup

from auzap.hooks.steps import Step
from auzap.logs import get_logger
from auzap.model.errors import HookFailed, Unavailable
from auzap.model.keys import new_id
from auzap.services.clock import utc_now
from auzap.storage.store import Store, Trace, TraceStep

__all__ = ["MOST_WAITING", "Attempt", "Traces"]

log = get_logger("auzap.worker")

#: traces that wait to be written; beyond that the oldest are dropped: they are worth less than the memory
MOST_WAITING: Final = 10_000
#: of one transaction
_LOT: Final = 500
#: seconds for the last ones, when the worker stops
_LAST: Final = 1.0


class _Ended(NamedTuple):
    """An attempt as it is kept until somebody has time to make a row of it."""

    organization_id: str
    instance_id: str
    config_version: str
    turn_id: str
    message_id: str | None
    attempt: int
    outcome: str
    answered_by: str | None
    began: float
    ended: float
    steps: list[Step]
    at: datetime


class Traces:
    """Those of a worker, until they are written.

    An async context manager: writes them while it is open, and what is left when it is closed.

    :param tell: the time, aware.
    :param every: seconds between two writes.
    """

    def __init__(self, store: Store, *, tell: Callable[[], datetime] = utc_now, every: float = 1.0) -> None:
        self._store = store
        self.tell = tell
        self._every = every
        self._ended: deque[_Ended] = deque()
        #: made, and not written yet; written again they are the same rows
        self._made: list[Trace] = []
        #: turns that were put back: they come again and again, and need no row each time
        self._waiting: dict[str, None] = {}
        self._dropped = 0
        self._writing = anyio.Lock()
        self._tasks: TaskGroup | None = None

    def begin(self, organization_id: str, instance_id: str, config_version: str) -> Attempt:
        return Attempt(self, organization_id, instance_id, config_version)

    def add(self, ended: _Ended) -> None:
        if ended.outcome == "waits":
            if ended.turn_id in self._waiting:
                return
            self._waiting[ended.turn_id] = None
            if len(self._waiting) > MOST_WAITING:
                del self._waiting[next(iter(self._waiting))]
        elif self._waiting:
            self._waiting.pop(ended.turn_id, None)
        self._ended.append(ended)
        if len(self._ended) > MOST_WAITING:
            self._ended.popleft()
            self._dropped += 1
            if self._dropped == 1:
                log.warning("Traces dropped: the database does not take them", kept=MOST_WAITING)

    async def flush(self) -> None:
        """Write what there is. While the store is away it is kept, up to a number."""
        async with self._writing:
            while self._made or self._ended:
                if not self._made:
                    self._made = [_made(self._ended.popleft()) for _ in range(min(len(self._ended), _LOT))]
                try:
                    await self._store.add_traces(self._made)
                except Unavailable:
                    return
                except Exception:
                    # they would fail again: no message may suffer from what is only told about it
                    log.exception("Traces not written", dropped=len(self._made))
                self._made = []
        if self._dropped:
            log.info("Traces are written again", dropped=self._dropped)
            self._dropped = 0

    async def run(self) -> None:
        while True:
            await anyio.sleep(self._every)
            await self.flush()

    async def __aenter__(self) -> Self:
        self._tasks = await anyio.create_task_group().__aenter__()
        self._tasks.start_soon(self.run)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._tasks is not None  # noqa: S101 - it was entered
        self._tasks.cancel_scope.cancel()
        try:
            await self._tasks.__aexit__(kind, error, trace)
        finally:
            with anyio.move_on_after(_LAST, shield=True):
                await self.flush()


class Attempt:
    """What is kept of the work on one turn: while it runs, the calls of its hooks.

    :param steps: what they came to; the hooks add to it.
    """

    __slots__ = ("_began", "_config_version", "_instance_id", "_organization_id", "_traces", "message_id", "steps")

    def __init__(self, traces: Traces, organization_id: str, instance_id: str, config_version: str) -> None:
        self._traces = traces
        self._organization_id = organization_id
        self._instance_id = instance_id
        self._config_version = config_version
        self._began = monotonic()
        self.steps: list[Step] = []
        #: the provider's, as soon as it is known
        self.message_id: str | None = None

    def failed(self, error: HookFailed) -> None:
        """Nobody was asked, or what was answered could not be stored."""
        if not self.steps or self.steps[-1][4] != "failed":
            now = monotonic()
            self.steps.append((error.hook, error.plugin, now, now, "failed", error.brief))

    def end(
        self,
        turn_id: str,
        outcome: str,
        *,
        attempt: int,
        answered_by: str | None = None,
        ended: float | None = None,
        with_steps: bool = True,
    ) -> None:
        """
        :param with_steps: False: they belong to another turn of the same work.
        :param ended: when the outcome was known, on the clock of ``time.monotonic()``; None: now.
        """
        steps: list[Step] = []
        if with_steps:
            steps += self.steps
            self.steps.clear()  # what follows is another turn's
        self._traces.add(
            _Ended(
                self._organization_id,
                self._instance_id,
                self._config_version,
                turn_id,
                self.message_id,
                attempt,
                outcome,
                answered_by,
                self._began,
                monotonic() if ended is None else ended,
                steps,
                self._traces.tell(),
            )
        )


def _made(ended: _Ended) -> Trace:
    return Trace(
        id=new_id(),
        organization_id=ended.organization_id,
        instance_id=ended.instance_id,
        turn_id=ended.turn_id,
        message_id=ended.message_id,
        attempt=ended.attempt,
        config_version=ended.config_version,
        outcome=ended.outcome,
        answered_by=ended.answered_by,
        ms=_ms(ended.began, ended.ended),
        # who asked others began before them, and ended after them
        steps=tuple(
            TraceStep(hook, plugin, _ms(began, end), said, error)
            for hook, plugin, began, end, said, error in sorted(ended.steps, key=lambda step: step[2])
        ),
        at=ended.at,
    )


def _ms(began: float, ended: float) -> float:
    return round((ended - began) * 1000, 3)
