"""Tenants that could not be built, or that stopped by themselves, and when each is tried again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from auzap.logs import get_logger
from auzap.tenants.away import TenantBroken

__all__ = ["Broken"]

log = get_logger("auzap.tenants")

#: seconds until it is tried again: the first time, and the most; twice as long each time
_FIRST, _LONGEST = 5.0, 300.0
#: seconds after which one that ran counts as healthy
_HEALTHY = 60.0


@dataclass(slots=True)
class _One:
    why: str
    delay: float
    #: seconds since 1970
    until: float


class Broken:
    """:param tell: the time, aware."""

    def __init__(self, tell: Callable[[], datetime]) -> None:
        self._tell = tell
        self._known: dict[str, _One] = {}

    def check(self, tenant_id: str) -> None:
        """:raises TenantBroken: it is too early to try it again."""
        one = self._known.get(tenant_id)
        if one is not None and one.until > self._now():
            raise TenantBroken(one.why, until=one.until)

    def note(
        self, tenant_id: str, why: str, event: str, error: BaseException | None = None, *, lived: float = 0.0
    ) -> TenantBroken:
        """Log it, unless that was the last that was logged of it.

        :param error: whose traceback is of interest.
        :param lived: seconds that it ran.
        """
        before = self._known.get(tenant_id)
        delay = _FIRST if before is None or lived >= _HEALTHY else min(before.delay * 2, _LONGEST)
        until = self._now() + delay
        if before is None or before.why != why:
            log.error(event, organization_id=tenant_id, error=why, seconds=delay, exc_info=error)
        self._known[tenant_id] = _One(why, delay, until)
        return TenantBroken(why, until=until)

    def mended(self, tenant_id: str) -> None:
        """It is built. It may still stop by itself soon, so what is known of it is kept until then."""
        one = self._known.get(tenant_id)
        if one is not None:
            one.until = 0.0

    def known(self) -> set[str]:
        return set(self._known)

    def forgive(self) -> None:
        """All may be tried at once, as if for the first time."""
        self._known.clear()

    def _now(self) -> float:
        return self._tell().timestamp()
