"""What time it is for the bot: a clock that runs on by itself and can be put forward."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from auzap.model.durations import parse_duration

__all__ = ["Clock", "duration"]


class Clock:
    """Everything that asks what time it is gets this time: plugins, turns, scheduled replies, state that expires.

    Only how long something takes (deadlines, a slow gateway) is real.

    :param at: what time it is at the beginning; without a time zone it is the tenant's. By default the real time.
    :param timezone: the tenant's, an IANA name.
    """

    def __init__(self, at: datetime | None = None, timezone: str = "America/Sao_Paulo") -> None:
        self._zone = ZoneInfo(timezone)
        #: of the real time
        self.ahead = timedelta(0)
        if at is not None:
            self.ahead = self._aware(at) - datetime.now(UTC)

    def now(self) -> datetime:
        """With the tenant's time zone."""
        return self.tell().astimezone(self._zone)

    def tell(self) -> datetime:
        """The same in UTC."""
        return datetime.now(UTC) + self.ahead

    def advance(self, by: timedelta | str | None = None, **parts: float) -> None:
        """Put it forward. What is due by then is done by ``bot.run_due()``, or by the next message.

        :param by: such as ``"2h"`` or ``"1h30m"``, or a ``timedelta``.
        :param parts: or as ``timedelta`` takes them: ``hours=2``, ``days=1``.
        :raises ValueError: it would go back.
        """
        self.ahead += _forward(duration(by, **parts))

    def set(self, to: datetime) -> None:
        """Put it forward to then.

        :param to: without a time zone it is the tenant's.
        :raises ValueError: it would go back.
        """
        self.ahead += _forward(self._aware(to) - self.tell())

    def reach(self, moment: datetime) -> None:
        """Put it forward to then, unless it is later already.

        :param moment: without a time zone it is the tenant's.
        """
        self.ahead += max(self._aware(moment) - self.tell(), timedelta(0))

    def _aware(self, time: datetime) -> datetime:
        return time.replace(tzinfo=self._zone) if time.tzinfo is None else time


def duration(by: timedelta | str | None = None, **parts: float) -> timedelta:
    """:raises ValueError: it is no duration."""
    given = timedelta(seconds=parse_duration(by)) if isinstance(by, str) else by or timedelta(0)
    return given + timedelta(**parts)


def _forward(step: timedelta) -> timedelta:
    if step < timedelta(0):
        raise ValueError("the clock goes forward only: what is stored already would lie in the future")
    return step
