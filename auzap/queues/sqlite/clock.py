"""The time, and the file's own count of it."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

from auzap.setwise import found, statements

__all__ = ["Clock"]


class Clock:
    """One transaction's view of the time.

    ``tick`` counts for the whole file: each value is greater than all before it, and not below the microseconds since
    1970, so that it also grows when the file is replaced by a new one.
    """

    __slots__ = ("_last", "_read", "now", "tx")

    def __init__(self, tx: sqlite3.Connection) -> None:
        self.tx = tx
        #: seconds since 1970
        self.now = time.time()
        self._read: int | None = None
        self._last = 0

    def execute(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """For all rows; see ``setwise``."""
        for text, params in statements(sql, rows):
            self.tx.execute(text, params)

    def found(self, sql: str, keys: Sequence[Sequence[Any]]) -> list[list[Any]]:
        """For all keys; see ``setwise``."""
        return found(sql, keys, lambda text, params: self.tx.execute(text, params).fetchone()[0])

    def tick(self) -> int:
        if self._read is None:
            (self._read,) = self.tx.execute("SELECT last FROM clock").fetchone()
            self._last = max(self._read, int(self.now * 1_000_000) - 1)
        self._last += 1
        return self._last

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None and self._read is not None:
            self.tx.execute("UPDATE clock SET last = ?", (self._last,))
