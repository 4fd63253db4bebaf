"""rq on Redis: its SimpleWorker, one job at a time in one process, three retries. A program for ``python -m
benchmarks.peers more``.
"""

from __future__ import annotations

import logging
import time
from importlib import import_module
from typing import Any

from benchmarks.peers.speech import Meter, heard, job

told = heard()
meter = Meter(told.jobs)


def handle(said: dict[str, Any]) -> None:
    """The worker imports this module by its name, and what it calls is there."""
    meter.handle(said)


def main() -> None:
    rq, there = import_module("rq"), import_module("redis").Redis.from_url(told.url)
    queue = rq.Queue("bench", connection=there)
    if told.what == "work":
        rq.SimpleWorker([queue], connection=there).work()
    for number in told.numbers:
        said = job(number, told.lanes, timed=told.rate > 0)
        queue.enqueue("benchmarks.peers.of_rq.handle", said, retry=rq.Retry(max=3), result_ttl=0)
        if told.rate:
            time.sleep(1 / told.rate)


if __name__ == "__main__":
    logging.disable(logging.INFO)
    main()
