"""The deadline of a plugin's coroutine.

A plugin runs in the task of the turn: a task of its own would cost more than most plugins do. So its coroutine is
driven by hand. As long as it does not wait, no clock is needed, and most plugins never wait for the messages that
are not theirs. Once it waits, a timer cancels the task at the deadline, and again after each grace: a plugin may use
the first grace to clean up, but not to live on. Who still goes on after the last one is closed and left behind.
"""

from __future__ import annotations

import asyncio
import math
import types
from collections.abc import Awaitable, Generator
from contextlib import suppress
from time import monotonic
from typing import Any, TypeVar

import anyio
import anyio.lowlevel

__all__ = ["DeadlinePassed", "LeaveNow", "SelfCancelled", "within"]

T = TypeVar("T")

#: a coroutine is cancelled this often before it is left behind
_STRIKES = 2
#: the same for cancellations of anybody's: a scope that is cancelled sends one in every turn of the loop
_DEAF = 100
#: how often it is told to end then
_THROWS = 20


class DeadlinePassed(Exception):
    """The deadline came first. ``__cause__`` is what the plugin made of the cancellation, if it raised another error.

    :param left_behind: it went on, whatever we did.
    """

    def __init__(self, *, left_behind: bool) -> None:
        super().__init__()
        self.left_behind = left_behind


class SelfCancelled(Exception):
    """A CancelledError came out of the plugin that nobody had asked for: it awaited something that was cancelled."""


@types.coroutine
def within(until: float, call: Awaitable[T], *, grace: float) -> Generator[Any, Any, T]:
    """Await a plugin's coroutine until a time on the clock of ``time.monotonic()``.

    What never waits, or blocks the loop, cannot be cut off: then its answer counts, however late.

    :param grace: seconds between the deadline and the second cancellation, and between that and the end.
    :raises DeadlinePassed: also when the plugin swallowed the cancellation and returned something after all.
    :raises SelfCancelled: nobody cancelled the task, but a CancelledError came out.
    :raises asyncio.CancelledError: the task was cancelled from outside.
    """
    steps: Any = call if isinstance(call, types.CoroutineType) else call.__await__()
    try:
        waits_for = steps.send(None)
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]
    except asyncio.CancelledError as error:
        raise SelfCancelled from error
    except GeneratorExit as error:
        raise _its_own(error) from error
    clock = _Clock(until - monotonic(), grace)
    try:
        result = yield from _go_on(steps, waits_for, clock)
    except GeneratorExit:
        clock.stop()
        raise
    except BaseException as error:
        clock.stop()
        yield from _judge(error, clock)
        raise
    clock.stop()
    if clock.interrupted:
        yield from _judge(None, clock)
    return result  # type: ignore[no-any-return]


def _go_on(steps: Any, waits_for: Any, clock: _Clock) -> Generator[Any, Any, Any]:
    """Hand on what the plugin waits for, and what comes of it, until it ends."""
    try:
        while True:
            value, thrown = None, None
            clock.waiting()
            try:
                value = yield waits_for
            except BaseException as error:  # noqa: BLE001 - thrown into the plugin, outside of this block
                thrown = error
            if clock.over:
                _leave_behind(steps)
                raise DeadlinePassed(left_behind=True)
            if isinstance(thrown, asyncio.CancelledError):
                clock.interrupt(thrown)
            waits_for = steps.send(value) if thrown is None else steps.throw(thrown)
    except StopIteration as stop:
        return stop.value
    except GeneratorExit as error:
        if isinstance(thrown, GeneratorExit):
            raise
        raise _its_own(error) from error


def _its_own(error: GeneratorExit) -> RuntimeError:
    """Let out, it would look as if the task had been closed."""
    return RuntimeError(f"the plugin raised GeneratorExit: {error}")


class LeaveNow(BaseException):
    """Thrown into a coroutine that goes on, whatever we did."""


def _leave_behind(steps: Any) -> None:
    """End it. What it makes of that is of no interest any more: the turn has failed already.

    A ``finally`` that waits stops there; the next throw goes on from that place, so that what is open is closed: a
    transaction would keep all others waiting. (``close()`` does not reach into an ``async with`` that waits.)
    """
    with suppress(BaseException):
        for _ in range(_THROWS):
            steps.throw(LeaveNow())
        steps.close()


def _judge(raised: BaseException | None, clock: _Clock) -> Generator[Any, Any, None]:
    """Raise why the call ended: a cancellation from outside goes before our own, and that before the plugin's error.

    Returns when it ended as it seems.
    """
    if anyio.current_effective_deadline() == -math.inf:
        # a scope around us is cancelled, and knows only the CancelledError that it delivers itself
        yield from anyio.lowlevel.checkpoint_if_cancelled().__await__()
    if raised is not None and clock.comes_from_others(raised):
        raise raised if isinstance(raised, asyncio.CancelledError) else asyncio.CancelledError from raised
    clock.settle()
    if isinstance(raised, DeadlinePassed):
        raise raised
    if clock.strikes:
        made_of_it = None if isinstance(raised, asyncio.CancelledError) else raised
        raise DeadlinePassed(left_behind=False) from made_of_it
    if isinstance(raised, asyncio.CancelledError):
        raise SelfCancelled from raised


class _Clock:
    """Cancels the present task at its time, and tells its own cancellations from those of others.

    ``Task.cancelling()`` alone does not tell: before Python 3.13 a plugin's TaskGroup can leave a request standing.
    """

    __slots__ = (
        "_asked",
        "_before",
        "_grace",
        "_interrupts",
        "_loop",
        "_of_ours",
        "_requests",
        "_task",
        "_timer",
        "strikes",
    )

    def __init__(self, seconds: float, grace: float) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - hooks are called from tasks
        self._task = task
        self._loop = asyncio.get_running_loop()
        self._grace = grace
        self._timer = self._loop.call_later(seconds, self._strike)
        #: how often the task was cancelled from here
        self.strikes = 0
        #: those of our requests to cancel it that stand
        self._of_ours = 0
        #: requests of others: when the call began, and when the plugin last began to wait
        self._before = self._requests = task.cancelling()
        #: how many CancelledErrors reached the plugin, and the last one, if it was asked for by others
        self._interrupts = 0
        self._asked: asyncio.CancelledError | None = None

    @property
    def interrupted(self) -> bool:
        return self._interrupts > 0

    @property
    def over(self) -> bool:
        return self.strikes > _STRIKES or self._interrupts > _DEAF

    def _strike(self) -> None:
        self.strikes += 1
        self._of_ours += 1
        self._timer = self._loop.call_later(self._grace, self._strike)
        self._task.cancel()

    def waiting(self) -> None:
        self._requests = self._of_others()

    def interrupt(self, error: asyncio.CancelledError) -> None:
        self._interrupts += 1
        self._asked = error if self._of_others() > self._requests else None

    def comes_from_others(self, raised: BaseException) -> bool:
        """Whether the plugin ended because somebody else cancelled the task, and not a scope of its own."""
        if self._asked is None:
            return False
        if isinstance(raised, asyncio.CancelledError):
            return True
        stands = self._of_others() > self._requests
        return stands and not isinstance(raised, TimeoutError) and _stems_from(raised, self._asked)

    def stop(self) -> None:
        """The call has ended: take our requests back, else a scope around us would not know its own cancellation."""
        self._timer.cancel()
        while self._of_ours:
            self._of_ours -= 1
            self._task.uncancel()

    def settle(self) -> None:
        """Nobody cancelled the task: take back what the plugin left standing too."""
        while self._task.cancelling() > self._before:
            self._task.uncancel()

    def _of_others(self) -> int:
        return self._task.cancelling() - self._of_ours


def _stems_from(error: BaseException, origin: BaseException) -> bool:
    seen: set[int] = set()
    behind: BaseException | None = error
    while behind is not None and id(behind) not in seen:
        if behind is origin:
            return True
        seen.add(id(behind))
        behind = behind.__cause__ or behind.__context__
    return False
