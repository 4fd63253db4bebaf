"""A queue and a handler that does nothing: jobs a second, and how long one waits when few come."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from benchmarks.figures import Row, Run, Section, ratio, row
from benchmarks.machine import Meanwhile, Often, in_turns
from benchmarks.peers.programs import AUZAP, PEERS, RAW, Program
from benchmarks.peers.speech import WARM
from benchmarks.servers import Redis

__all__ = ["RATIOS", "busy", "idle"]

_RATE, _CPU = "jobs/s", "CPU s per 1,000"
_ON_REDIS, _ON_SQLITE = "auzap, Redis", "auzap, SQLite"
_HUEY_SQLITE = "huey, SQLite"
#: what the plot shows
RATIOS = ("auzap / npm bullmq", "auzap / fastest Python peer on Redis", "auzap / huey on SQLite")
#: slower ones get so much less to do that they take a few seconds too
_SLOW = {"dramatiq": 4, "huey": 4, "taskiq": 2, _HUEY_SQLITE: 4, _ON_SQLITE: 2}
_CONCURRENCY = 5
_CHATS = 200
#: seconds between the first job, which shows that the worker is there, and those that are measured
_READY = 1.0


def busy(redis: Redis, peers: Path | None, jobs: int, concurrency: int, lanes: int, often: Often) -> Section:
    """A backlog, worked by one process."""

    def of(name: str, program: Program, place: Callable[[Path], str]) -> tuple[str, Callable[[], Run]]:
        number = max(jobs // _SLOW.get(name, 1), 1)
        return name, partial(_busy, redis, peers or Path(), program, place, number, concurrency, lanes)

    contenders = dict([of(_ON_REDIS, AUZAP, lambda _: redis.url), of(_ON_SQLITE, AUZAP, _sqlite)])
    if peers is not None:
        contenders |= dict(of(one.name, one, lambda _: redis.url) for one in PEERS)
        contenders |= dict([of(_HUEY_SQLITE, PEERS[-1], _sqlite)])
    got = in_turns(contenders, often)
    rows = [row(f"{name}: jobs/s", runs, _RATE) for name, runs in got.items()]
    rows += [row(f"{name}: CPU s per 1,000", runs, _CPU, 3) for name, runs in got.items()]
    if peers is not None:
        rows += _ratios(got)
    where = "one lane" if lanes == 1 else f"{lanes} lanes"
    return Section(f"Queue, {concurrency} at a time, {where}: {jobs:,} jobs, the slower ones fewer", rows)


def _ratios(got: Mapping[str, Sequence[Run]]) -> list[Row]:
    ours, node, *python = (got[name] for name in (_ON_REDIS, *(one.name for one in PEERS)))
    fastest = [max(runs, key=lambda run: run.figures[_RATE]) for runs in zip(*python, strict=True)]
    leanest = [min(runs, key=lambda run: run.figures[_CPU]) for runs in zip(*python, strict=True)]
    sqlite, huey = got[_ON_SQLITE], got[_HUEY_SQLITE]
    return [
        ratio(f"{RATIOS[0]}, jobs/s", ours, node, _RATE),
        ratio(f"{RATIOS[1]}, jobs/s", ours, fastest, _RATE),
        ratio(f"{RATIOS[2]}, jobs/s", sqlite, huey, _RATE),
        ratio("npm bullmq / auzap, CPU", node, ours, _CPU),
        ratio("leanest Python peer on Redis / auzap, CPU", leanest, ours, _CPU),
        ratio("huey / auzap on SQLite, CPU", huey, sqlite, _CPU),
    ]


def _busy(
    redis: Redis, peers: Path, program: Program, place: Callable[[Path], str], jobs: int, concurrency: int, lanes: int
) -> Run:
    redis.empty()
    with tempfile.TemporaryDirectory() as folder:
        url = place(Path(folder))
        program.put(peers, url, lanes=lanes, jobs=jobs)
        meanwhile = Meanwhile(also=redis.cpu)
        with program.working(peers, url, concurrency=concurrency, jobs=jobs) as process:
            told = program.end(process, jobs)
        return Run({_RATE: jobs / told.seconds, _CPU: told.cpu / jobs * 1000}, meanwhile.cores())


def idle(redis: Redis, peers: Path | None, seconds: float, rate: float, often: Often) -> Section:
    """One job after the other, put by another process."""
    programs = {"auzap": AUZAP}
    if peers is not None:
        programs |= {one.name: one for one in (RAW, *PEERS)}
    jobs = max(round(rate * seconds), 2)
    got = in_turns(
        {name: partial(_idle, redis, peers or Path(), one, jobs, rate) for name, one in programs.items()}, often
    )
    rows: list[Row] = []
    for name, runs in got.items():
        rows += [row(f"{name}: {figure} ms", runs, figure, 2) for figure in ("p50", "p99")]
    if peers is not None:
        rows += [
            ratio(f"auzap / {RAW.name}, p50", got["auzap"], got[RAW.name], "p50"),
            ratio("auzap / taskiq, p99", got["auzap"], got["taskiq"], "p99"),
        ]
    return Section(f"Queue idle, {rate:g} a second for {seconds:g} s, on Redis: put until handled", rows)


def _idle(redis: Redis, peers: Path, program: Program, jobs: int, rate: float) -> Run:
    redis.empty()
    total = jobs + WARM
    meanwhile = Meanwhile(also=redis.cpu)
    with program.working(peers, redis.url, concurrency=_CONCURRENCY, jobs=total) as process:
        program.put(peers, redis.url, lanes=_CHATS, jobs=WARM)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(_READY)
        program.put(peers, redis.url, lanes=_CHATS, jobs=jobs, rate=rate)
        told = program.end(process, total)
    waited = sorted(one * 1000 for one in told.waited)
    figures = {"p50": statistics.median(waited), "p99": waited[99 * len(waited) // 100]}
    return Run(figures, meanwhile.cores())


def _sqlite(folder: Path) -> str:
    return f"sqlite:///{folder}/queue.db"
