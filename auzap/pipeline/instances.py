"""Connected numbers that cannot be reached: paused, probed, and resumed."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from auzap.logs import get_logger

__all__ = ["Instances"]

log = get_logger("auzap.worker")

_FIRST = 1.0
_LONGEST = 60.0
#: seconds that a probe may take before another one is let through
_PROBE = 30.0


@dataclass(slots=True)
class _Paused:
    since: float
    until: float
    delay: float
    probing: bool = False


class Instances:
    """Which instances are paused, in this process. Times are seconds since 1970.

    :param wake: makes an instance's deferred lanes ready.
    :param now: what time it is.
    """

    def __init__(self, wake: Callable[[str, str], Awaitable[None]], *, now: Callable[[], float] = time.time) -> None:
        self._wake = wake
        self._now = now
        self._paused: dict[tuple[str, str], _Paused] = {}

    def closed_until(self, tenant: str, instance: str) -> float | None:
        """Until when its lanes wait; None when sends may go ahead."""
        now, paused = self._now(), self._paused.get((tenant, instance))
        if paused is None or paused.until <= now:
            return None
        # what a probe meets is known soon: until then nobody waits for long
        return min(paused.until, now + _FIRST) if paused.probing else paused.until

    def unreachable_since(self, tenant: str, instance: str) -> float | None:
        paused = self._paused.get((tenant, instance))
        return paused.since if paused is not None else None

    def probe(self, tenant: str, instance: str) -> None:
        """A send begins. Of a paused instance it is the probe: the others wait for what it meets."""
        paused = self._paused.get((tenant, instance))
        if paused is not None:
            paused.probing = True
            paused.until = self._now() + _PROBE

    def failed(self, tenant: str, instance: str, reason: str) -> float:
        """The channel took nothing. Returns when it is probed next."""
        now = self._now()
        paused = self._paused.get((tenant, instance))
        if paused is None:
            log.error("Instance unreachable, paused", organization_id=tenant, instance_id=instance, error=reason)
            paused = self._paused[tenant, instance] = _Paused(since=now, until=now + _FIRST, delay=_FIRST)
        elif paused.probing:  # those that were under way when it was paused say nothing new
            paused.probing = False
            paused.delay = min(paused.delay * 2, _LONGEST)
            paused.until = now + paused.delay
        return paused.until

    def look_again(self, tenant: str, instance: str) -> bool:
        """Its options are others now: whoever sends next finds out whether that mended it. False: it is not paused."""
        paused = self._paused.get((tenant, instance))
        if paused is not None:
            paused.until, paused.delay = self._now(), _FIRST
        return paused is not None

    async def reached(self, tenant: str, instance: str) -> None:
        """The channel answered, whatever it said."""
        paused = self._paused.pop((tenant, instance), None)
        if paused is not None:
            log.info(
                "Instance reachable again",
                organization_id=tenant,
                instance_id=instance,
                seconds=round(self._now() - paused.since, 1),
            )
            await self._wake(tenant, instance)
