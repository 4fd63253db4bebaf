"""``auzap run --processes``: how many, and how each of them is started."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import anyio
import click

__all__ = ["PROCESSES", "supervise"]

#: a typing error must not bring a machine down
_MOST = 256


class _Processes(click.ParamType[int]):
    name = "processes"

    def convert(self, value: str | int, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if value == "auto":
            return _cores()
        try:
            number = int(value)
        except ValueError:
            number = 0
        if not 1 <= number <= _MOST:
            self.fail(f"{value!r} is neither auto nor a number from 1 to {_MOST}.", param, ctx)
        return number


#: a number of processes
PROCESSES = _Processes()


def supervise(arguments: Sequence[str], processes: int, *, until_empty: bool) -> int:
    """Keep so many processes of ``auzap run`` at work. Returns the exit code.

    :param arguments: what each of them is given.
    """
    from auzap.worker.supervise import Supervisor

    command = _command(arguments)
    return anyio.run(lambda: Supervisor(command, processes, until_empty=until_empty).run())


def _command(arguments: Sequence[str]) -> Callable[[int, bool, int], Sequence[str]]:
    # modules are looked for where they are here: in the folder of the moment only if this process does so
    safe = [] if {"", str(Path.cwd())} & set(sys.path) else ["-P"]
    start = [sys.executable, *safe, "-m", "auzap", "run", *arguments]

    def command(number: int, again: bool, pipe: int) -> Sequence[str]:
        return [*start, "--supervised", str(pipe), str(number), str(again)]

    return command


def _cores() -> int:
    """Those that this process may use, where the system tells."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1
