"""How the conversation looks: on a terminal, in a pipe, and where only the replies are wanted."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import click

from auzap.channels.console.screen import harmless
from auzap.cli.chat.engine import Heard, Told, Trouble
from auzap.cli.chat.people import Person, phone_shown
from auzap.cli.chat.watch import Failure
from auzap.cli.output import console, is_terminal
from auzap.config.nodes import shown

if TYPE_CHECKING:
    from rich.console import RenderableType

__all__ = ["COLOURS", "Screen", "explained"]

COLOURS = {"client": "36", "owner": "35"}
_STYLES = {"client": "cyan", "owner": "magenta"}
#: of the names on the left
_WIDEST = 16
#: why nobody answered, for people
_REASONS = {
    "nobody_answered": "no plugin had an answer",
    "answered_with_silence": "it answered with silence",
    "ai_off": "AI is off in this conversation",
    "taken_over": "a person has taken the conversation over",
    "not_in_pilot": "`only` does not name this number",
    "empty": "there is nothing in it",
    "stale": "it is older than stale_after",
}


def explained(told: Told) -> str:
    """Why there is no reply."""
    reason = told.reason or "no reply"
    if told.dead:
        stage = told.trace.dead[0] if told.trace.dead is not None else "handle"
        return f"given up, a dead letter (stage {stage}): {reason}"
    known = _REASONS.get(reason)
    by = told.trace.answered_by
    if reason == "answered_with_silence" and by is not None:
        known = f"{by} answered with silence"
    return f"not answered: {reason}" + (f" ({known})" if known else "")


class Screen:
    """Standard output.

    :param names: of those who may answer; they decide how wide the left column is.
    :param bare: replies alone, as they are; all else goes to standard error.
    """

    def __init__(self, names: Sequence[str], *, bare: bool = False) -> None:
        self._bare = bare
        self._width = min(max([len(name) for name in ("cliente", *names)]), _WIDEST)
        self._console = console(sys.stdout) if is_terminal() and not bare else None
        #: everything is printed inside of one, so that it stands above the line that is being typed
        self.above: Callable[[], AbstractContextManager[None]] = nullcontext

    @property
    def colourful(self) -> bool:
        return self._console is not None and self._console.color_system is not None

    # ------------------------------------------------------------------ what is said

    def said(self, who: Person, text: str) -> None:
        """Where nobody sees what was typed."""
        if not self._bare:
            self._entry(who.label, text, _STYLES[who.role])

    def heard(self, one: Heard | Failure | Trouble, present: Person) -> None:
        """A reply, or what went wrong."""
        if isinstance(one, Heard):
            elsewhere = one.who != present
            to = f"(to {one.who or phone_shown(one.to)}) " if elsewhere else ""
            if self._bare:
                self._write(harmless(one.text))
            else:
                self._entry(one.by, f"{to}{one.text}", "green")
        elif isinstance(one, Failure):
            self.wrong(f"plugin {one.plugin} failed, attempt {one.attempt}: {one.hook}: {one.error}")
        else:
            self.wrong(one.text)

    def told(self, told: Told) -> None:
        """Why there is no reply, or none yet."""
        if told.dead:
            self.wrong(explained(told))
        elif not told.answered:
            self.hint(explained(told))
        for text, when in told.scheduled:
            self.hint(f"for {when.astimezone():%d/%m %H:%M:%S}: {' '.join(harmless(text).split())}")

    # ------------------------------------------------------------------ what people ask for

    def hint(self, text: str) -> None:
        self._note(text, "bright_black")

    def wrong(self, text: str) -> None:
        self._note(" ".join(harmless(text).split()), "red")

    def changed(self, who: Person) -> None:
        """Somebody else has the keyboard; on a terminal the prompt says so."""
        if self._console is None:
            self.hint(f"now {who}")

    def title(self, name: str, details: str, hint: str) -> None:
        if self._console is None:
            return
        from rich.text import Text

        with self.above():
            self._console.print(Text.assemble((name, "bold"), f"  {details}"))
            self._console.print(Text(hint, "bright_black"))
            self._console.print()

    def pairs(self, pairs: Sequence[tuple[str, str]], *, style: str = "bold") -> None:
        """Names on the left, what they are on the right."""
        width = max((len(name) for name, _ in pairs), default=0)
        if self._console is None:
            for name, text in pairs:
                self._write(f"{name:<{width}}  {shown(text, limit=None)}")
            return
        from rich.text import Text

        with self.above():
            self._console.print(self._grid([(Text(name, style), Text(harmless(text))) for name, text in pairs], width))

    def rows(self, tables: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
        """Column by column; what is empty is left out."""
        for table, rows in tables.items():
            if not rows:
                continue
            self.pairs([(table, f"{len(rows)} row{'' if len(rows) == 1 else 's'}")])
            for place, row in enumerate(rows):
                if place:
                    self.pairs([("", "")])
                filled = [(f"  {name}", _shown(value)) for name, value in row.items() if value is not None]
                self.pairs(filled, style="bright_black")

    # ------------------------------------------------------------------ on its way to the terminal

    def _entry(self, label: str, text: str, style: str) -> None:
        text = harmless(text)
        if self._console is None:
            first, *more = text.split("\n")
            self._write("\n".join([f"{label:>{self._width}} | {first}", *(f"{'':>{self._width}} | {x}" for x in more)]))
            return
        from rich.text import Text

        with self.above():
            self._console.print(self._entry_grid(Text(label, style, justify="right"), Text(text)))

    def _entry_grid(self, label: RenderableType, text: RenderableType) -> RenderableType:
        from rich.table import Table

        grid = Table.grid(padding=(0, 1))
        grid.add_column(width=self._width, justify="right", overflow="ellipsis", no_wrap=True)
        grid.add_column(overflow="fold")
        grid.add_row(label, text)
        return grid

    def _grid(self, rows: Sequence[tuple[RenderableType, RenderableType]], width: int) -> RenderableType:
        from rich.table import Table

        grid = Table.grid(padding=(0, 2))
        grid.add_column(width=width, no_wrap=True)
        grid.add_column(overflow="fold")
        for row in rows:
            grid.add_row(*row)
        return grid

    def _note(self, text: str, style: str) -> None:
        if self._bare:
            click.echo(text, err=True)
        elif self._console is None:
            self._write(f"{'':>{self._width}} · {text}")
        else:
            from rich.text import Text

            with self.above():
                self._console.print(self._entry_grid(Text("·", style), Text(text, style)))

    def _write(self, text: str) -> None:
        click.echo(text)


def _shown(value: Any) -> str:
    return harmless(value) if isinstance(value, str) else str(value)
