"""One worker that says what it cost.

    python -m benchmarks.worker CONFIG [--turns NUMBER] [--warm NUMBER] [--profile FILE]

empties the queue, or stops after so many turns; logs to standard error, as ``auzap run`` does, and prints one JSON line
at the end: what it cost from its first lease on, or after its first ``--warm`` turns, and of how many turns that is.
With ``--profile`` the thread of the event loop runs under cProfile, which writes to that file.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import os
import signal
import time
from contextlib import nullcontext
from pathlib import Path

import anyio

from auzap.config import load
from auzap.logs import configure
from auzap.worker.serve import serve
from benchmarks.machine import peak_mb


class _Meter:
    """
    :param turns: after which it is stopped; None: when the queue is empty.
    :param warm: turns that are not counted: what is needed is built when it is first needed. What comes before the
        first lease is the start, which is measured apart.
    """

    def __init__(self, turns: int | None, warm: int) -> None:
        self._turns = turns
        self._warm = warm
        self._seen = 0
        self._start: tuple[float, float] | None = None
        self._end: tuple[float, float] | None = None

    def reached(self, point: str) -> None:
        """Called in the event loop's thread, but for ``before_commit``."""
        if point == "after_lease" and self._start is None and not self._warm:
            self._start = _cpu()
        elif point == "before_ack":
            self._seen += 1
            if self._seen == self._warm:
                self._start = _cpu()
            if self._seen == self._turns:
                self._end = _cpu()
                os.kill(os.getpid(), signal.SIGTERM)

    def told(self) -> dict[str, float]:
        if self._turns is not None and self._end is None:
            raise SystemExit(f"wrong: the queue is empty after {self._seen} turns of {self._turns}")
        cpu, loop_cpu = self._end or _cpu()
        first, loop_first = self._start or (cpu, loop_cpu)
        turns = max(self._seen - self._warm, 0)
        return {"cpu": cpu - first, "loop_cpu": loop_cpu - loop_first, "turns": turns, "rss_mb": peak_mb()}


def _cpu() -> tuple[float, float]:
    return time.process_time(), time.thread_time()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.worker", description=__doc__.partition("\n")[0])
    parser.add_argument("config", type=Path)
    parser.add_argument("--turns", type=int)
    parser.add_argument("--warm", type=int, default=0)
    parser.add_argument("--profile", type=Path)
    given = parser.parse_args()
    configure(json=True)
    config, meter = load(given.config), _Meter(given.turns, given.warm)
    profiler = cProfile.Profile() if given.profile else None
    with profiler or nullcontext():
        anyio.run(lambda: serve(config, until_empty=True, reached=meter.reached))
    told = meter.told()
    if profiler:
        profiler.dump_stats(given.profile)
    print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main()
