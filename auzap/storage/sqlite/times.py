"""Times as SQLite holds them: text, UTC, microseconds; the same that ``UtcDateTime`` writes."""

from __future__ import annotations

from datetime import UTC, datetime

__all__ = ["moment", "right_now", "stamp"]


def right_now() -> str:
    return datetime.now(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")


def stamp(time: datetime) -> str:
    """:raises ValueError: the time has no zone."""
    if time.tzinfo is None:
        raise ValueError(f"a time without its zone: {time!r}; use datetime.now(UTC)")
    return time.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")


def moment(text: str) -> datetime:
    time = datetime.fromisoformat(text)
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
