"""How long it takes to begin, and what memory that needs."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable

from benchmarks.figures import Run, Section, row
from benchmarks.machine import Meanwhile, Often, in_turns, peak_mb
from benchmarks.shop import ROOT, message, opened

__all__ = ["section"]


def section(often: Often) -> Section:
    contenders: dict[str, Callable[[], Run]] = {
        "auzap run": lambda: _run(fresh=False),
        "auzap run in a new folder": lambda: _run(fresh=True),
        "auzap --help": lambda: _say("--help"),
        "auzap --version": lambda: _say("--version"),
    }
    got = in_turns(contenders, often)
    rows = [row(f"{name}: seconds", times, "seconds", 2) for name, times in got.items()]
    rows += [row(f"{name}: peak MB", times, "peak MB") for name, times in got.items() if "peak MB" in times[0].figures]
    return Section("Start: until the first answer of a message that waits, or until the command has ended", rows)


def _run(*, fresh: bool) -> Run:
    with opened() as shop:
        if not fresh:
            shop.prepare()
        shop.fill([message(0, 0)])
        meanwhile, began = Meanwhile(shop.gateway.pid), time.monotonic()
        with shop.running() as worker:
            shop.gateway.first()
            memory = peak_mb(worker.pid)
        ((_, arrived),) = shop.gateway.end().arrivals
        return Run({"seconds": arrived - began, "peak MB": memory}, meanwhile.cores())


def _say(what: str) -> Run:
    meanwhile, began = Meanwhile(), time.monotonic()
    subprocess.run([sys.executable, "-m", "auzap", what], cwd=ROOT, stdout=subprocess.DEVNULL, check=True, timeout=60)
    took = time.monotonic() - began
    return Run({"seconds": took}, meanwhile.cores())
