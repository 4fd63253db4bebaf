"""How far a command is, on standard error, where it takes longer than a second and somebody watches."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from auzap.cli.output import console, is_terminal

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

__all__ = ["Advance", "progress"]

#: seconds that a command may take in silence
_PATIENCE = 1.0

#: told how many more are done
Advance = Callable[[int], None]


@contextmanager
def progress(what: str, *, total: int | None = None, patience: float = _PATIENCE) -> Iterator[Advance]:
    """Show ``what``, how long it takes and how many are done; gone again at the end.

    :param total: how many there are, where that is known.
    :param patience: seconds until it is shown.
    """
    if not is_terminal(sys.stderr):
        yield lambda more: None
        return
    bar = _Bar(what, total)
    timer = threading.Timer(patience, bar.show)
    timer.daemon = True
    timer.start()
    try:
        yield bar.advance
    finally:
        timer.cancel()
        bar.close()


class _Bar:
    """Shown by one thread, moved on by another."""

    def __init__(self, what: str, total: int | None) -> None:
        self._what = what
        self._total = total
        self._done = 0
        self._lock = threading.Lock()
        self._shown: tuple[Progress, TaskID] | None = None
        self._closed = False

    def show(self) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        columns = [SpinnerColumn(), TextColumn("{task.description}", markup=False)]
        counted = [MofNCompleteColumn()] if self._total is not None else [TextColumn("{task.fields[so_far]}")]
        bar = [BarColumn(bar_width=20)] if self._total is not None else []
        shown = Progress(
            *columns, *bar, *counted, TimeElapsedColumn(), console=console(sys.stderr), transient=True,
            redirect_stdout=False,
        )  # fmt: skip
        with self._lock:
            if self._closed:
                return
            task = shown.add_task(self._what, total=self._total, completed=self._done, so_far=_so_far(self._done))
            self._shown = (shown, task)
            shown.start()

    def advance(self, more: int) -> None:
        with self._lock:
            self._done += more
            if self._shown is not None:
                shown, task = self._shown
                shown.update(task, completed=self._done, so_far=_so_far(self._done))

    def close(self) -> None:
        with self._lock:
            self._closed = True
            if self._shown is not None:
                self._shown[0].stop()


def _so_far(done: int) -> str:
    return f"{done:,}" if done else ""
