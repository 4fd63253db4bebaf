"""One hook call: with a deadline, a check of what it says, and an eye on plugins that keep failing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic
from typing import TypeVar

from auzap.hooks.calls import Calls, Implementation
from auzap.hooks.deadline import LeaveNow, within
from auzap.hooks.reasons import failure_of
from auzap.hooks.steps import KEPT, MOST_STEPS, Said
from auzap.hooks.threads import Threads
from auzap.model.errors import HookFailed, LeaseLost, PluginPaused, Refused, Unavailable, Unreachable, cause_of

__all__ = ["Asking"]

T = TypeVar("T")


class Asking:
    """Asks plugins of one tenant.

    :param threads: for those that are written with plain ``def``.
    :param grace: seconds that a plugin may clean up after its deadline; as long again, and it is left behind.
    """

    def __init__(self, calls: Calls, threads: Threads, *, grace: float) -> None:
        self._calls = calls
        self._threads = threads
        self._grace = grace

    async def ask(self, one: Implementation, values: tuple[object, ...], check: Callable[[object], T]) -> T | None:
        """What it says, checked; None when it passes.

        :raises HookFailed: it raised, missed its deadline or said the wrong thing; or a plugin that it asked did.
        :raises PluginPaused: it was not asked.
        """
        circuit = one.circuit
        if circuit is not None and circuit.failures:
            circuit.admit(one.hook)
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - hooks are called from tasks
        began = monotonic()
        outer = self._calls.begin(task, one, began)
        try:
            call = one.call(values) if one.awaits else self._threads.run(one, values)
            value = await within(began + one.timeout, call, grace=self._grace)
            said = None if value is None else check(value)
        except (asyncio.CancelledError, GeneratorExit, LeaveNow):  # it is the end of whoever asked
            if circuit is not None:
                circuit.undecided(one.hook)
            raise
        # everything: SystemExit and KeyboardInterrupt of a plugin would end the process, and with it all tenants
        # (Ctrl-C arrives as a cancellation: the worker and asyncio's runner see to it)
        except BaseException as error:
            failure = failure_of(error, one)
            _count(one, failure, began)
            if failure is error:
                raise
            raise failure from failure.__cause__
        finally:
            self._calls.end(task, outer)
        if circuit is not None and circuit.failures:
            circuit.succeeded(one.hook)
        if KEPT.get() is not None:
            _keep(one, began, "passed" if value is None else "answered")
        return said


def _count(one: Implementation, failure: HookFailed, began: float) -> None:
    """A failure belongs to whoever failed: not to a plugin for which the store is away, or which asked another one."""
    circuit = one.circuit
    if cause_of(failure, Unavailable) is not None or cause_of(failure, LeaseLost) is not None:
        if circuit is not None:
            circuit.undecided(one.hook)
        return
    others = failure.plugin != one.plugin or isinstance(failure, PluginPaused)
    if circuit is not None:
        if others:
            circuit.undecided(one.hook)
        elif one.hook == "send_reply" and isinstance(failure.__cause__, (Refused, Unreachable)):
            circuit.succeeded(one.hook)  # so the contract wants it: the other side said no
        else:
            circuit.failed(one.hook)
    whose = f"plugin {failure.plugin}: {failure.hook}: " if others else ""
    _keep(one, began, "failed", f"{whose}{failure.brief}")


def _keep(one: Implementation, began: float, said: Said, error: str | None = None) -> None:
    steps = KEPT.get()
    if steps is not None and len(steps) < MOST_STEPS:
        steps.append((one.hook, one.plugin, began, monotonic(), said, error))
