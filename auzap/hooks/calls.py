"""Which hook call is going on in which task: written by the event loop, read by the watchdog's thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from auzap.hooks.circuit import Circuit

__all__ = ["Call", "Calls", "Implementation"]


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Implementation:
    """One plugin's answer to one hook, resolved once, when the tenant is built."""

    tenant: str
    plugin: str
    hook: str
    #: bound to the plugin
    function: Callable[..., Any]
    #: calls it with those of the hook's arguments that it wants
    call: Callable[[tuple[object, ...]], Any]
    #: False: a plain ``def``, which runs in a worker thread
    awaits: bool
    #: its deadline in seconds
    timeout: float
    #: opens when the plugin keeps failing; None: it never does
    circuit: Circuit | None
    #: whom ``handle_message`` is asked for; None: everybody
    roles: frozenset[str] | None
    #: the file that it is written in
    file: str


@dataclass(frozen=True, slots=True)
class Call:
    """A hook call that has not ended.

    :param began: on the clock of ``time.monotonic()``.
    """

    tenant: str
    plugin: str
    hook: str
    began: float


class Calls:
    """The hook calls that are going on in this process, of all tenants."""

    def __init__(self) -> None:
        self._going: dict[asyncio.Task[Any], tuple[Implementation, float]] = {}

    def begin(self, task: asyncio.Task[Any], one: Implementation, now: float) -> tuple[Implementation, float] | None:
        """:return: the call that the task is in already, for ``end``: a plugin may ask others."""
        outer = self._going.get(task)
        self._going[task] = (one, now)
        return outer

    def end(self, task: asyncio.Task[Any], outer: tuple[Implementation, float] | None) -> None:
        if outer is None:
            self._going.pop(task, None)
        else:
            self._going[task] = outer

    def current(self, task: asyncio.Task[Any]) -> Call | None:
        """The call that a task is in; may be asked from any thread."""
        going = self._going.get(task)
        if going is None:
            return None
        one, began = going
        return Call(one.tenant, one.plugin, one.hook, began)
