"""Times on their way out of a database: text from SQLite, ``datetime`` from Postgres."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

__all__ = ["moment", "zoned"]


def moment(time: Any) -> datetime:
    """In UTC, with its zone."""
    known: datetime = datetime.fromisoformat(time) if isinstance(time, str) else time
    return known.replace(tzinfo=UTC) if known.tzinfo is None else known.astimezone(UTC)


def zoned(time: datetime) -> datetime:
    """:raises ValueError: the time has no zone."""
    if time.tzinfo is None:
        raise ValueError(f"a time without its zone: {time!r}; use datetime.now(UTC)")
    return time
