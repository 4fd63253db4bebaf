"""Statements over many rows at once, for SQLite.

The interpreter's lock is given up at every step of every statement, and while others have work the way back to it is
long. So what a group of turns needs goes in a few statements of many rows, and what is read comes back in one row.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any, Final

__all__ = ["found", "repeated", "statements"]

#: what is repeated for every row
_TUPLE: Final = re.compile(r"VALUES (\([^()]*\))")
#: rows of one statement; some sizes, so that each is prepared once
_SIZES: Final = (64, 48, 32, 24, 16, 12, 8, 6, 4, 3, 2, 1)


def statements(sql: str, rows: Sequence[Sequence[Any]]) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Statements with their parameters, several rows in each.

    :param sql: with ``VALUES (?, …)``, the place that takes a row.
    """
    start = 0
    for size in _SIZES:
        while len(rows) - start >= size:
            yield repeated(sql, size), tuple(chain.from_iterable(rows[start : start + size]))
            start += size


def found(
    sql: str, keys: Sequence[Sequence[Any]], read: Callable[[str, tuple[Any, ...]], str | None]
) -> list[list[Any]]:
    """What is found for all keys.

    :param sql: with ``VALUES (?, …)``, the place that takes a key; gives one JSON array of arrays.
    :param read: executes a statement, and gives its one value.
    """
    return [row for text, params in statements(sql, keys) for row in json.loads(read(text, params) or "[]")]


@lru_cache(maxsize=1024)
def repeated(sql: str, size: int) -> str:
    """The statement for so many rows."""
    place = _TUPLE.search(sql)
    if place is None:
        raise ValueError(f"no place for rows: {sql.strip()[:60]}")
    return sql[: place.end()] + f", {place[1]}" * (size - 1) + sql[place.end() :]
