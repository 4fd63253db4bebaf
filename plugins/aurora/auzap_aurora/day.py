"""A day in the business's own time zone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

__all__ = ["Day", "day_of"]

_WEEKDAYS = (
    "segunda-feira",
    "terça-feira",
    "quarta-feira",
    "quinta-feira",
    "sexta-feira",
    "sábado",
    "domingo",
)


@dataclass(frozen=True, slots=True)
class Day:
    """From midnight to midnight, in UTC; ``end`` is the next day's."""

    start: datetime
    end: datetime
    #: the moment that the day was asked for, on the business's clock
    local: datetime

    def __str__(self) -> str:
        return f"{_WEEKDAYS[self.local.weekday()]}, {self.local:%d/%m}"


def day_of(moment: datetime, timezone: str) -> Day:
    """The day that a moment belongs to where the business is.

    :param timezone: an IANA name; a day there may have 23 or 25 hours.
    """
    local = moment.astimezone(ZoneInfo(timezone))
    today = datetime.combine(local, time.min, local.tzinfo)
    # Adding a day moves the clock on the wall, not 24 hours.
    return Day(today.astimezone(UTC), (today + timedelta(days=1)).astimezone(UTC), local)
