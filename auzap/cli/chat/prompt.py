"""The line that is typed on a terminal: edited by readline, with its history, while replies arrive above it."""

from __future__ import annotations

import asyncio
import os
import queue
import readline
import sys
import termios
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

__all__ = ["Prompt"]


class Prompt:
    """A thread of its own waits for the keyboard, so that nothing else does.

    :param words: what Tab completes at the beginning of a line.
    """

    def __init__(self, words: Sequence[str]) -> None:
        self._words = words
        self._loop = asyncio.get_running_loop()
        self._asked: queue.SimpleQueue[tuple[str, asyncio.Future[str | None]]] = queue.SimpleQueue()
        #: what stands before the line that is being typed, as it is and as it looks
        self._label: tuple[str, str] | None = None
        self._before = termios.tcgetattr(sys.stdin)
        readline.set_completer_delims(" ")
        readline.set_completer(self._complete)
        readline.parse_and_bind("tab: complete")
        # ends with the process: nothing else can make it stop waiting
        threading.Thread(target=self._read, name="auzap-prompt", daemon=True).start()

    async def ask(self, label: str, colour: str) -> str | None:
        """The next line; None at the end of the input.

        :param colour: the number of an SGR sequence; empty for none.
        """
        looks = f"\x1b[{colour}m{label}\x1b[0m" if colour else label
        self._label = (label, looks)
        # readline counts columns: what takes none is in brackets
        marked = f"\x01\x1b[{colour}m\x02{label}\x01\x1b[0m\x02" if colour else label
        line: asyncio.Future[str | None] = self._loop.create_future()
        self._asked.put((marked, line))
        try:
            return await line
        finally:
            self._label = None

    @contextmanager
    def above(self) -> Iterator[None]:
        """Print above the line that is being typed, which is shown again below."""
        label = self._label
        if label is None:
            yield
            return
        plain, looks = label
        typed = readline.get_line_buffer()
        rows = (len(plain) + len(typed)) // max(os.get_terminal_size(sys.stdout.fileno()).columns, 1)
        sys.stdout.write("\r" + (f"\x1b[{rows}A" if rows else "") + "\x1b[J")
        yield
        sys.stdout.write(looks + typed)
        sys.stdout.flush()

    def close(self) -> None:
        """The terminal is as it was before."""
        if self._label is not None:
            sys.stdout.write("\n")
            sys.stdout.flush()
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, self._before)

    # ------------------------------------------------------------------ in the thread

    def _read(self) -> None:
        while True:
            label, line = self._asked.get()
            try:
                typed: str | None = input(label)
            except (EOFError, OSError, UnicodeDecodeError):
                typed = None
            if self._loop.is_closed():
                return
            self._loop.call_soon_threadsafe(_resolve(line, typed))

    def _complete(self, begun: str, nth: int) -> str | None:
        found = [word for word in self._words if word.startswith(begun)] if begun.startswith("/") else []
        return f"{found[nth]} " if nth < len(found) else None


def _resolve(line: asyncio.Future[str | None], typed: str | None) -> Callable[[], None]:
    def resolve() -> None:
        if not line.done():
            line.set_result(typed)

    return resolve
