"""Who said what, on standard output."""

from __future__ import annotations

import os
import re
import sys

from auzap.logs.out import let_vanish

__all__ = ["Screen", "harmless"]

_COLOURS = {"customer": "36", "owner": "35"}
_BOT = "32"
_WIDTH = len("bot to customer")
#: what would move the cursor or change the terminal
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class Screen:
    """Labels in colour on a terminal, unless the environment has ``NO_COLOR``."""

    def said(self, who: str, text: str) -> None:
        """Show what a person wrote."""
        self._entry(who, text, _COLOURS.get(who, "0"))

    def replied(self, to: str, text: str) -> None:
        """Show what the bot answered."""
        self._entry(f"bot to {to}", text, _BOT)

    def hint(self, text: str) -> None:
        """One line to the person at the terminal."""
        self._write(f"{text}\n")

    def _entry(self, label: str, text: str, colour: str) -> None:
        first, *more = harmless(text).split("\n")
        name = f"{label:>{_WIDTH}}"
        if _colourful():
            name = f"\x1b[{colour}m{name}\x1b[0m"
        self._write("\n".join([f"{name} | {first}", *(f"{'':>{_WIDTH}} | {line}" for line in more)]) + "\n")

    def _write(self, text: str) -> None:
        out = sys.stdout
        if out is None:
            return
        encoding = out.encoding or "utf-8"  # what it lacks is shown as "?"
        try:
            out.write(text.encode(encoding, "replace").decode(encoding))
            out.flush()
        except OSError:  # the terminal is gone, or the pipe: nobody looks any more, and the work goes on
            let_vanish(out)


def harmless(text: str) -> str:
    """Somebody's text, unable to move the cursor."""
    return _CONTROLS.sub("�", text)


def _colourful() -> bool:
    return sys.stdout is not None and sys.stdout.isatty() and not os.environ.get("NO_COLOR")
