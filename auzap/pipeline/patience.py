"""Patience: while the store or the queue is away, wait, say it once, and go on by itself."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import ParamSpec, TypeVar

import anyio

from auzap.logs import get_logger
from auzap.model.errors import HookFailed, LeaseLost, Unavailable, cause_of

__all__ = ["Patience"]

log = get_logger("auzap.worker")
P = ParamSpec("P")
T = TypeVar("T")

_FIRST = 0.05
_LONGEST = 5.0


class Patience:
    """Repeats a call until what it needs is there. Shared by all of a worker, so that an outage is logged once."""

    def __init__(self) -> None:
        self._away: set[type[Unavailable]] = set()

    async def __call__(self, call: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call it until it succeeds.

        :param call: safe to repeat.
        """
        try:
            return await call(*args, **kwargs)
        except Unavailable as error:
            met = error
        return await self._again(met, call, *args, **kwargs)

    async def _again(self, met: Unavailable, call: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """What was not there is asked again, until it is."""
        delay = _FIRST
        kinds: set[type[Unavailable]] = set()
        while True:
            kinds.add(type(met))
            self._note(met)
            await anyio.sleep(delay)
            delay = min(delay * 2, _LONGEST)
            try:
                result = await call(*args, **kwargs)
            except Unavailable as error:
                met = error
            else:
                break
        for kind in kinds & self._away:
            self._away.discard(kind)
            log.info("Back", away=kind.__name__)
        return result

    async def with_plugins(self, call: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call what calls plugins: a store that is away, or a lost lease, is not the plugin's failure."""
        try:
            return await call(*args, **kwargs)
        except Unavailable as error:
            met = error
        except HookFailed as error:
            met = _away_behind(error)
        return await self._again(met, lambda: _told_apart(call, *args, **kwargs))

    def _note(self, error: Unavailable) -> None:
        if type(error) not in self._away:
            self._away.add(type(error))
            log.error("Waiting", away=type(error).__name__, error=str(error))


async def _told_apart(call: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
    try:
        return await call(*args, **kwargs)
    except HookFailed as error:
        raise _away_behind(error) from error


def _away_behind(error: HookFailed) -> Unavailable:
    """What was away when the plugin failed.

    :raises LeaseLost: it failed because the lease is lost.
    :raises HookFailed: it is its own failure.
    """
    lost = cause_of(error, LeaseLost)
    if lost is not None:
        raise lost from error
    away = cause_of(error, Unavailable)
    if away is None:
        raise error
    return away
