"""What every program of a queue says and is told: standard library alone, because each runs in its own environment.

    PROGRAM put URL LANES JOBS              put so many jobs
    PROGRAM trickle URL LANES JOBS RATE     put so many a second, each with the time at which it was about to be put
    PROGRAM work URL CONCURRENCY JOBS       handle so many: prints ``first`` when the first comes, and at the end one
                                            JSON line: {"seconds", "cpu", "different", "waited"}

Seconds and CPU seconds are from the first to the last call of the handler; ``waited`` are the seconds that each job
with a time in it has waited. Times are of ``time.monotonic()``, which all processes of a machine share.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from typing import Any, NamedTuple

__all__ = ["WARM", "Heard", "Meter", "heard", "job"]

#: jobs that come before a trickle, so that the worker is there; its own have the numbers from here on
WARM = 20
#: seconds for what the last job's end still has to tell its server
_LEAVE = 0.3


class Heard(NamedTuple):
    what: str
    url: str
    #: of a worker its concurrency
    lanes: int
    jobs: int
    rate: float

    @property
    def numbers(self) -> range:
        return range(WARM, WARM + self.jobs) if self.rate else range(self.jobs)


def heard() -> Heard:
    what, url, lanes, jobs, *rate = sys.argv[1:]
    return Heard(what, url, int(lanes), int(jobs), float(rate[0]) if rate else 0.0)


def job(number: int, lanes: int, *, timed: bool = False) -> dict[str, Any]:
    """Of the size of a short message."""
    key = {"remoteJid": f"5511{900000000 + number % lanes}@s.whatsapp.net", "fromMe": False, "id": f"3EB0{number:012X}"}
    message = {"key": key, "message": {"conversation": "Oi! Tem horário amanhã de manhã?"}, "pushName": "Cliente"}
    said: dict[str, Any] = {"organizationId": "shop", "instanceId": "main", "message": message}
    return {**said, "at": time.monotonic()} if timed else said


class Meter:
    """The handler calls it, in whatever thread; after the last job it prints, and the process ends."""

    def __init__(self, jobs: int) -> None:
        self._left = jobs
        self._seen: set[str] = set()
        self._waited: list[float] = []
        self._lock = threading.Lock()
        self._began: tuple[float, float] | None = None

    def handle(self, said: dict[str, Any]) -> None:
        now = time.monotonic()
        with self._lock:
            if self._began is None:
                self._began = now, time.process_time()
                print("first", flush=True)
            if "at" in said:
                self._waited.append(now - said["at"])
            self._seen.add(said["message"]["key"]["id"])
            self._left -= 1
            if not self._left:
                self._tell(*self._began)

    def _tell(self, began: float, cpu: float) -> None:
        told = {"seconds": time.monotonic() - began, "cpu": time.process_time() - cpu, "different": len(self._seen)}
        print(json.dumps({**told, "waited": self._waited}), flush=True)
        end = threading.Timer(_LEAVE, os._exit, (0,))
        end.daemon = True
        end.start()
