"""dramatiq on Redis: threads, three retries."""

from __future__ import annotations

import logging
import threading
import time
from importlib import import_module

from benchmarks.peers.speech import Meter, heard, job

dramatiq = import_module("dramatiq")
redis = import_module("dramatiq.brokers.redis")

logging.disable(logging.INFO)
told = heard()
meter = Meter(told.jobs)
broker = redis.RedisBroker(url=told.url)
dramatiq.set_broker(broker)
handle = dramatiq.actor(meter.handle, actor_name="handle", max_retries=3)

if told.what == "work":
    dramatiq.Worker(broker, worker_threads=told.lanes).start()
    threading.Event().wait()
for number in told.numbers:
    handle.send(job(number, told.lanes, timed=told.rate > 0))
    if told.rate:
        time.sleep(1 / told.rate)
