"""Figures of runs, and the one table that they stand in."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Row", "Run", "Section", "ratio", "row", "table", "write"]

_BEGIN, _END = "<!-- table: python -m benchmarks --write -->", "<!-- end of the table -->"
_HEAD = ("", "minimum", "median", "maximum", "others")


@dataclass(frozen=True, slots=True)
class Run:
    """What one run measured."""

    figures: Mapping[str, float]
    #: cores that processes other than ours used meanwhile
    foreign: float


@dataclass(frozen=True, slots=True)
class Row:
    what: str
    values: Sequence[float]
    digits: int = 0
    #: the most that others used during any of these runs; None: it stands in another row
    foreign: float | None = None
    #: after each figure
    unit: str = ""

    @property
    def cells(self) -> tuple[str, ...]:
        three = (min(self.values), statistics.median(self.values), max(self.values))
        others = "" if self.foreign is None else f"{self.foreign:.2f}"
        return (self.what, *(f"{figure:,.{self.digits}f}{self.unit}" for figure in three), others)


@dataclass(frozen=True, slots=True)
class Section:
    title: str
    rows: Sequence[Row]


def row(what: str, runs: Sequence[Run], figure: str, digits: int = 0) -> Row:
    return Row(what, [run.figures[figure] for run in runs], digits, max(run.foreign for run in runs))


def ratio(what: str, ours: Sequence[Run], theirs: Sequence[Run], figure: str, digits: int = 2) -> Row:
    """Round by round: what the machine did meanwhile, it did to both."""
    pairs = zip(ours, theirs, strict=True)
    return Row(what, [one.figures[figure] / other.figures[figure] for one, other in pairs], digits, unit=" ×")


def table(sections: Sequence[Section]) -> str:
    """Markdown, aligned so that it can be read in a terminal too."""
    lines: list[tuple[str, ...]] = []
    for section in sections:
        lines += [(f"**{section.title}**", "", "", "", ""), *(one.cells for one in section.rows)]
    widths = [max(len(line[place]) for line in [_HEAD, *lines]) for place in range(len(_HEAD))]
    rule = ("-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:]))
    return "\n".join(_line(line, widths) for line in [_HEAD, rule, *lines])


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = zip(cells, widths, strict=True)
    padded = (first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others))
    return f"| {' | '.join(padded)} |"


def write(text: str, page: Path) -> None:
    """Between the two marks of a page; what stood there goes.

    :raises ValueError: it has no such marks.
    """
    before, begin, rest = page.read_text(encoding="utf-8").partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not begin or not end:
        raise ValueError(f"{page.name} has no {_BEGIN} and {_END}")
    page.write_text(f"{before}{begin}\n\n{text}\n\n{end}{after}", encoding="utf-8")
