"""What a plugin does by the clock: methods marked with ``every`` or ``daily``."""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from datetime import time as time_of_day
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from auzap.model.durations import format_duration, parse_duration

__all__ = ["Schedule", "daily", "every", "schedules_of"]

Method = TypeVar("Method", bound=Callable[..., Awaitable[None]])

_MARK = "auzap_schedule"
_TIME = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")
#: seconds; a shorter time would be a loop, which belongs into ``lifespan``
_SHORTEST = 1.0


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a method is due. One of the two is not None.

    :param seconds: between two runs.
    :param at: a time of day in the tenant's time zone.
    """

    seconds: float | None = None
    at: time_of_day | None = None

    def rule(self, timezone: str) -> str:
        """What it depends on, as text: another one, and what is due is due at another time."""
        return format_duration(self.seconds) if self.seconds is not None else f"{self.at} {timezone}"

    def next(self, after: datetime, timezone: str) -> datetime:
        """When it is due next, later than ``after``; in UTC.

        Runs of ``every`` fall on multiples of the time since 1970, so that a restart moves none of them. A time of day
        that a change of the clocks leaves out comes as much later; one that comes twice is the first.
        """
        if self.seconds is not None:
            times = int(after.timestamp() // self.seconds) + 1
            while (due := datetime.fromtimestamp(times * self.seconds, UTC)) <= after:
                times += 1  # fractions of a second are rounded
            return due
        assert self.at is not None  # noqa: S101 - one of the two is there
        zone = ZoneInfo(timezone)
        # yesterday's may be to come: a time that is left out before midnight comes after it
        day = after.astimezone(zone).date() - timedelta(days=1)
        while (due := datetime.combine(day, self.at, zone).astimezone(UTC)) <= after:
            day += timedelta(days=1)
        return due


def every(duration: str) -> Callable[[Method], Method]:
    """Run an async method without arguments again and again, once among all workers.

    :param duration: such as ``"15m"`` or ``"1h"``; a second at least.
    :raises ValueError: it is no duration, or too short.
    :raises TypeError: it does not stand above an async method without arguments.
    """
    if not isinstance(duration, str):
        raise ValueError(f"every({duration!r}): should be a duration in quotes, such as '15m'")  # noqa: TRY004
    seconds = parse_duration(duration)
    if seconds < _SHORTEST:
        raise ValueError(f"every({duration!r}): a second is the shortest; a loop belongs into lifespan")
    return _marks(Schedule(seconds=seconds))


def daily(at: str) -> Callable[[Method], Method]:
    """Run an async method without arguments once a day, once among all workers.

    :param at: ``HH:MM`` in the tenant's time zone, such as ``"08:00"``.
    :raises ValueError: it is no time of day.
    :raises TypeError: it does not stand above an async method without arguments.
    """
    found = _TIME.fullmatch(at)
    if found is None:
        raise ValueError(f"daily({at!r}): should be a time of day, such as 08:00")
    return _marks(Schedule(at=time_of_day(int(found[1]), int(found[2]))))


def _marks(schedule: Schedule) -> Callable[[Method], Method]:
    def mark(method: Method) -> Method:
        function: object = method
        if not inspect.iscoroutinefunction(function) or len(inspect.signature(method).parameters) != 1:
            name = getattr(method, "__name__", method)
            raise TypeError(f"{name} runs by the clock: it should be written with async def, and take self alone")
        setattr(method, _MARK, schedule)
        return method

    return mark


def schedules_of(plugin: type[Any]) -> dict[str, Schedule]:
    """Method name -> when it is due; nothing of the plugin's is run to find it."""
    found: dict[str, Schedule] = {}
    for kind in reversed(plugin.__mro__):
        for name, member in vars(kind).items():
            schedule = getattr(member, _MARK, None) if callable(member) else None
            if isinstance(schedule, Schedule):
                found[name] = schedule
            else:
                found.pop(name, None)  # overridden without the mark
    return found
