"""Times as SQLite holds them: text, UTC, microseconds; the same that ``UtcDateTime`` writes."""

from __future__ import annotations

from datetime import UTC, datetime

from auzap.storage.steps.times import zoned

__all__ = ["right_now", "stamp"]


def right_now() -> str:
    return datetime.now(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")


def stamp(time: datetime) -> str:
    """:raises ValueError: the time has no zone."""
    return zoned(time).astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")
