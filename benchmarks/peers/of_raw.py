"""A list and a blocking read, and nothing else: one thread, no lease, no retry."""

from __future__ import annotations

import json
import time
from importlib import import_module

from benchmarks.peers.speech import Meter, heard, job

told = heard()
there = import_module("redis").Redis.from_url(told.url, socket_timeout=None)
if told.what == "work":
    meter = Meter(told.jobs)
    for _ in range(told.jobs):
        _, text = there.blpop(["raw"])
        meter.handle(json.loads(text))
    time.sleep(1)
else:
    for number in told.numbers:
        there.rpush("raw", json.dumps(job(number, told.lanes, timed=told.rate > 0)))
        if told.rate:
            time.sleep(1 / told.rate)
