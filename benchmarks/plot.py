"""Ratios as bars: a picture without a library."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from html import escape
from pathlib import Path

from benchmarks import grand, noop
from benchmarks.figures import Section

__all__ = ["draw", "plotted"]

_WIDTH, _HEIGHT, _TEXT, _TOP = 860, 24, 520, 30
#: what is drawn, by how its row begins
_SHOWN = (*noop.RATIOS, grand.RATIOS)

Bar = tuple[str, Sequence[float]]


def plotted(sections: Sequence[Section]) -> list[Bar]:
    """The ratios of speed that were measured, with where."""
    return [
        (f"{row.what.partition(',')[0]} — {section.title.partition(':')[0]}", row.values)
        for section in sections
        for row in section.rows
        if row.what.startswith(_SHOWN) and row.unit
    ]


def draw(bars: Sequence[Bar], page: Path) -> None:
    """A bar to the median, a line from the minimum to the maximum; on a logarithmic axis, at 1 a line."""
    least = min([0.5, *(min(values) for _, values in bars)])
    most = max([2.0, *(max(values) for _, values in bars)])

    def place(value: float) -> float:
        return _TEXT + (_WIDTH - _TEXT - 60) * math.log(value / least) / math.log(most / least)

    height = _TOP + _HEIGHT * len(bars) + 10
    box = f'viewBox="0 0 {_WIDTH} {height}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {box} font-family="sans-serif" font-size="12">',
        f'<rect width="{_WIDTH}" height="{height}" fill="white"/>',
        '<text x="10" y="18" font-weight="bold">Speed, as a multiple of the other one&#8217;s</text>',
    ]
    for number, (name, values) in enumerate(bars):
        top = _TOP + number * _HEIGHT
        middle, half = statistics.median(values), top + _HEIGHT / 2 - 2
        start, end = sorted((place(1), place(middle)))
        colour = "#2a7f62" if middle >= 1 else "#b5483a"
        lines += [
            f'<text x="10" y="{half + 4:.1f}">{escape(name)}</text>',
            f'<rect x="{start:.1f}" y="{top + 2}" width="{end - start:.1f}" height="{_HEIGHT - 8}" fill="{colour}"/>',
            f'<path d="M{place(min(values)):.1f} {half:.1f}H{place(max(values)):.1f}" stroke="black"/>',
            f'<text x="{place(max(values)) + 6:.1f}" y="{half + 4:.1f}">{middle:.2f} ×</text>',
        ]
    lines += [f'<path d="M{place(1):.1f} {_TOP - 4}V{height - 8}" stroke="black" stroke-dasharray="3 3"/>', "</svg>"]
    page.write_text("\n".join(lines) + "\n", encoding="utf-8")
