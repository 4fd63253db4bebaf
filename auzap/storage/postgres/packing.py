"""Rows on their way to the server: a text for each column, which the server splits.

asyncpg takes arrays too, and asks of every element whether it is an array itself: that costs more than all the rest.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from auzap.storage.texts import storable

__all__ = ["KINDS", "packed", "parameters_of", "unpacked"]

#: letter -> type of a column
KINDS: Final = {"b": "bigint", "f": "float8", "t": "text", "z": "timestamptz"}
#: between values, and for NULL; others are taken where a value has one of them in it
_BETWEEN, _NULL = "\x1f", "\x1e"


def parameters_of(columns: int) -> int:
    """How many ``packed`` gives."""
    return columns + 2


def unpacked(name: str, columns: Sequence[tuple[str, str]], *, after: int = 0) -> str:
    """What the server makes rows of again, from parameters as ``packed`` gives them.

    :param columns: name and kind of each.
    :param after: parameters that come before.
    """
    marks = f"${after + 1}, ${after + 2}"
    arrays = ", ".join(
        f"(string_to_array(${number}, {marks}))[2:]" + ("" if kind == "t" else f"::{KINDS[kind]}[]")
        for number, (_, kind) in enumerate(columns, start=after + 3)
    )
    return f"unnest({arrays}) AS {name} ({', '.join(column for column, _ in columns)})"


def packed(kinds: str, rows: Sequence[Sequence[Any]], between: str = _BETWEEN, null: str = _NULL) -> list[str]:
    """The two marks, then a text for each column.

    It begins with a mark: one empty value is not the same as none.

    :param kinds: a letter for each column.
    """
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(kinds)
    texts = [
        _joined(_texts(kind, column), between, null) if kind != "t" else _joined(column, between, null)
        for kind, column in zip(kinds, columns, strict=True)
    ]
    if any(_is_ambiguous(text, column, between, null) for text, column in zip(texts, columns, strict=True)):
        token = secrets.token_hex(8)
        return packed(kinds, rows, f"{_BETWEEN}{token}", f"{_NULL}{token}")
    return [between, null, *texts]


def _joined(column: Sequence[str | None], between: str, null: str) -> str:
    if not column:
        return ""
    try:
        text = between.join(column)  # type: ignore[arg-type]  # tried first: most have no NULL
    except TypeError:
        text = between.join([null if value is None else value for value in column])
    return storable(between + text)


def _is_ambiguous(text: str, column: Sequence[Any], between: str, null: str) -> bool:
    return text.count(between) != len(column) or (null in text and text.count(null) != column.count(None))


def _texts(kind: str, column: Sequence[Any]) -> list[str | None]:
    if kind == "z":
        return [_when(value) if value is not None else None for value in column]
    return [str(value) if value is not None else None for value in column]


def _when(time: datetime) -> str:
    return time.isoformat()
