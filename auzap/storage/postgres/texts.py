"""The statements in the words of one database: with the types of its columns."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Final

from auzap.model.errors import ConfigError
from auzap.storage.postgres import statements, swift_statements
from auzap.storage.postgres.packing import parameters_of, unpacked

__all__ = ["BLOCKS_OF", "SQL", "TABLES", "Texts"]

#: rows that are given: their name, then name and type of each column
_GIVEN: Final = re.compile(r"\{(\w+)\(([^)]*)\)\}")
#: a column whose type is to be filled in
_PLACE: Final = re.compile(r"\{(\w+\.\w+)\}")
_PARAMETER: Final = re.compile(r"\$(\d+)")


def _columns(text: str) -> list[tuple[str, str]]:
    pairs = (column.split() for column in text.split(","))
    return [(name, kind) for name, kind in pairs]


def _blocks(text: str) -> tuple[str, ...]:
    return tuple("".join(kind for _, kind in _columns(found[2])) for found in _GIVEN.finditer(text))


def _written_out(text: str) -> str:
    taken = 0

    def block(found: re.Match[str]) -> str:
        nonlocal taken
        columns, before = _columns(found[2]), taken
        taken += parameters_of(len(columns))
        return unpacked(found[1], columns, after=before)

    return _GIVEN.sub(block, text)


_RAW: Final = {
    name: text
    for module in (statements, swift_statements)
    for name, text in vars(module).items()
    if name.isupper() and name[0] != "_"
}
SQL: Final[Mapping[str, str]] = {name: _written_out(text) for name, text in _RAW.items()}
#: for each block of rows that a statement is given a letter for each column
BLOCKS_OF: Final[Mapping[str, tuple[str, ...]]] = {name: _blocks(text) for name, text in _RAW.items()}
_PLACES: Final = frozenset(chain.from_iterable(_PLACE.findall(text) for text in SQL.values()))
#: the tables whose columns' types must be known
TABLES: Final = tuple(sorted({place.partition(".")[0] for place in _PLACES}))


class Texts:
    """
    :param types: ``table.column`` -> its type, as it is written in a cast.
    :raises ConfigError: columns are missing.
    """

    def __init__(self, types: Mapping[str, str], *, place: str) -> None:
        missing = sorted(_PLACES - types.keys())
        if missing:
            raise ConfigError(f"{place}: the tables are not up to date, {missing[0]} is missing: run auzap db upgrade")
        self._texts = {name: _PLACE.sub(lambda found: types[found[1]], text) for name, text in SQL.items()}
        self._joined: dict[tuple[str, ...], str] = {}

    def of(self, statement: str) -> str:
        return self._texts[statement]

    def joined(self, names: tuple[str, ...]) -> str:
        """One statement that does what several do, and gives the rows of the last; none sees what another does."""
        known = self._joined.get(names)
        if known is None:
            known = self._joined[names] = self._join(names)
        return known

    def _join(self, names: Sequence[str]) -> str:
        texts: list[str] = []
        before = 0
        for statement in names:
            texts.append(_moved(self._texts[statement], before))
            before += sum(parameters_of(len(kinds)) for kinds in BLOCKS_OF[statement])
        *first, last = texts
        if not first:
            return last
        parts = ", ".join(f"w{number} AS ({text})" for number, text in enumerate(first))
        return f"WITH {parts} {last}"


def _moved(text: str, by: int) -> str:
    """With parameters that come after so many others."""
    return _PARAMETER.sub(lambda found: f"${int(found[1]) + by}", text)
