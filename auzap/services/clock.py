"""What time it is for a tenant."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

__all__ = ["TenantClock", "utc_now"]


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class TenantClock:
    """
    :param tell: the time, aware.
    """

    zone: ZoneInfo
    tell: Callable[[], datetime] = utc_now

    def now(self) -> datetime:
        return self.tell().astimezone(self.zone)
