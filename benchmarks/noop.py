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
from benchmarks.peers.programs import AUZAP, MORE, PEERS, RAW, Program
from benchmarks.peers.speech import WARM
from benchmarks.servers import Redis

__all__ = ["RATIOS", "busy", "idle", "more"]

#: the URL of a queue, in a folder of its own
_Place = Callable[[Path], str]
#: what runs, and where; None: on Redis
_Contenders = dict[str, tuple[Program, _Place | None]]

_RATE, _CPU = "jobs/s", "CPU s per 1,000"
_ON_REDIS, _ON_SQLITE = "auzap, Redis", "auzap, SQLite"
_HUEY_SQLITE = "huey, SQLite"
#: what the plot shows
RATIOS = ("auzap / npm bullmq", "auzap / fastest Python peer on Redis", "auzap / huey on SQLite")
#: slower ones get so much less to do that they take a few seconds too
_SLOW = {"dramatiq": 4, "huey": 4, "taskiq": 2, "arq": 4, "rq": 4, _HUEY_SQLITE: 4, _ON_SQLITE: 2}
_CONCURRENCY = 5
_CHATS = 200
#: seconds between the first job, which shows that the worker is there, and those that are measured
_READY = 1.0


def busy(redis: Redis, peers: Path | None, jobs: int, concurrency: int, lanes: int, often: Often) -> Section:
    """A backlog, worked by one process."""
    contenders: _Contenders = {_ON_REDIS: (AUZAP, None), _ON_SQLITE: (AUZAP, _sqlite)}
    if peers is not None:
        contenders |= {one.name: (one, None) for one in PEERS}
        contenders |= {_HUEY_SQLITE: (PEERS[-1], _sqlite)}
    got = _worked(redis, peers or Path(), contenders, jobs, concurrency, lanes, often)
    return _section(got, [] if peers is None else _ratios(got), jobs, concurrency, lanes)


def more(redis: Redis, peers: Path, jobs: int, concurrency: int, lanes: int, often: Often) -> Section:
    """The same on Redis, beside what ``python -m benchmarks.peers install --more`` installs."""
    contenders: _Contenders = {_ON_REDIS: (AUZAP, None), **{one.name: (one, None) for one in MORE}}
    got = _worked(redis, peers, contenders, jobs, concurrency, lanes, often)
    ratios = [ratio(f"auzap / {one.name}, jobs/s", got[_ON_REDIS], got[one.name], _RATE) for one in MORE]
    ratios += [ratio(f"{one.name} / auzap, CPU", got[one.name], got[_ON_REDIS], _CPU) for one in MORE]
    return _section(got, ratios, jobs, concurrency, lanes)


def _worked(
    redis: Redis, peers: Path, contenders: _Contenders, jobs: int, concurrency: int, lanes: int, often: Often
) -> dict[str, list[Run]]:
    def of(name: str, program: Program, place: _Place | None) -> Callable[[], Run]:
        number = max(jobs // _SLOW.get(name, 1), 1)
        return partial(_busy, redis, peers, program, place or (lambda _: redis.url), number, concurrency, lanes)

    return in_turns({name: of(name, *one) for name, one in contenders.items()}, often)


def _section(
    got: Mapping[str, Sequence[Run]], ratios: Sequence[Row], jobs: int, concurrency: int, lanes: int
) -> Section:
    rows = [row(f"{name}: jobs/s", runs, _RATE) for name, runs in got.items()]
    rows += [row(f"{name}: CPU s per 1,000", runs, _CPU, 3) for name, runs in got.items()]
    where = "one lane" if lanes == 1 else f"{lanes} lanes"
    return Section(f"Queue, {concurrency} at a time, {where}: {jobs:,} jobs, the slower ones fewer", [*rows, *ratios])


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


def _busy(redis: Redis, peers: Path, program: Program, place: _Place, jobs: int, concurrency: int, lanes: int) -> Run:
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
