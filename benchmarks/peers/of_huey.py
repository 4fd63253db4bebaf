"""huey on Redis, or on SQLite in its default settings (a commit is not synced to the disk): threads, two retries."""

from __future__ import annotations

import logging
import threading
import time
from importlib import import_module

from benchmarks.peers.speech import Meter, heard, job

huey = import_module("huey")

logging.disable(logging.INFO)
told = heard()
meter = Meter(told.jobs)
if told.url.startswith("sqlite:///"):
    queue = huey.SqliteHuey("bench", filename=told.url.removeprefix("sqlite:///"), results=False)
else:
    queue = huey.RedisHuey("bench", url=told.url, results=False)


def _handle(said: dict[str, object]) -> None:
    meter.handle(said)


handle = queue.task(retries=2)(_handle)

if told.what == "work":
    queue.create_consumer(workers=told.lanes, worker_type="thread", periodic=False).start()
    threading.Event().wait()
for number in told.numbers:
    handle(job(number, told.lanes, timed=told.rate > 0))
    if told.rate:
        time.sleep(1 / told.rate)
