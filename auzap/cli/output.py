"""What commands print: a table for people on a terminal, plain text for everybody else, JSON when asked."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, TextIO

import click

from auzap.config.nodes import shown

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["console", "is_terminal", "print_json", "print_plain", "print_table"]

_GAP = "  "


def is_terminal(stream: TextIO | None = None) -> bool:
    """Whether a person looks at it.

    :param stream: by default standard output.
    """
    out = sys.stdout if stream is None else stream
    return out is not None and out.isatty() and os.environ.get("TERM") != "dumb"


def print_json(value: Any) -> None:
    """On one line, ASCII."""
    click.echo(json.dumps(value))


def print_plain(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Aligned columns, a line a row; nothing is cut off or wrapped."""
    lines = [headings, *([shown(cell, limit=None) for cell in row] for row in rows)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(headings))]
    for line in lines:
        click.echo(_GAP.join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)).rstrip())


def print_table(headings: Sequence[str], rows: Iterable[Sequence[str]], *, whole: Iterable[str] = ()) -> None:
    """For a terminal. A cell may have several lines; one that is too long is wrapped inside its column.

    :param whole: headings of columns that are to be copied, and are not wrapped.
    """
    from rich import box
    from rich.table import Table
    from rich.text import Text

    keep = set(whole)
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), show_edge=False, pad_edge=False)
    for heading in headings:
        table.add_column(heading, no_wrap=heading in keep, overflow="fold")
    for row in rows:
        table.add_row(*(Text("\n".join(shown(line, limit=None) for line in cell.split("\n"))) for cell in row))
    console(sys.stdout).print(table)


def console(stream: TextIO) -> Console:
    """Rich's console on a terminal; without any style where the environment has ``NO_COLOR``."""
    from rich.console import Console

    colours = None if os.environ.get("NO_COLOR") else "auto"
    return Console(file=stream, force_terminal=True, color_system=colours, highlight=False, markup=False, emoji=False)  # type: ignore[arg-type]
