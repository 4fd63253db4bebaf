"""Measure everything, and print one table.

python -m benchmarks            all parts
python -m benchmarks --write    and write the table into benchmarks/README.md
"""

from __future__ import annotations

import argparse
import os
import signal
import sqlite3
import sys
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from platform import python_version, system

from auzap.logs import configure
from benchmarks import grand, growth, idle, noop, normalize, pipeline, platform, plot, spread, start
from benchmarks.figures import Section, table, write
from benchmarks.machine import Often
from benchmarks.many import many
from benchmarks.peer import Peer, started
from benchmarks.peers.programs import INSTALLED, is_installed
from benchmarks.platform_shop import Load
from benchmarks.servers import running

__all__ = ["main"]

_ON_SERVERS = ("servers", "queue", "spread")
_PARTS = ("pipeline", "idle", "start", "growth", "normalize", "platform", *_ON_SERVERS)
_SIZES = (1_000, 10_000, 100_000)
_FULL = 1_000_000
_TENANTS = (1, 100, 10_000)
_WORKERS = (1, 2, 4)
_PLOT = "ratios.svg"
_PAGE = Path(__file__).with_name("README.md")


def main(arguments: Sequence[str] | None = None) -> None:
    given = _parser().parse_args(arguments)
    configure(level="warning")
    # servers that were started are stopped, also when somebody stops this
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    print(f"Measuring, {given.runs} runs each; the figures of every run:", file=sys.stderr, flush=True)
    sections: list[Section] = []
    try:
        with nullcontext(None) if given.peer is None else started(given.peer) as peer:
            sections.extend(_sections(given, peer))
    finally:
        # also what was measured until somebody stopped it
        text = f"{_machine()}; {given.runs} runs each, in turns.\n\n{table(sections)}"
        print(text)
    if given.write is not None:
        write(text, given.write)
        if bars := plot.plotted(sections):
            plot.draw(bars, given.write.with_name(_PLOT))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.partition("\n")[0])
    parser.add_argument("--only", nargs="+", choices=_PARTS, default=_PARTS, metavar="PART", help=", ".join(_PARTS))
    parser.add_argument("--runs", type=_positive, default=3)
    parser.add_argument("--repeats", type=int, default=3, help="runs that are repeated because others did too much")
    parser.add_argument("--wait", type=float, default=30.0, help="seconds to wait for a quiet machine before a run")
    parser.add_argument("--messages", type=_positive, default=5000, help="pipeline, servers: how many")
    parser.add_argument("--contacts", type=_positive, default=500, help="pipeline, servers: of how many contacts")
    parser.add_argument(
        "--concurrency", type=_positive, nargs="+", default=[5, 50], help="pipeline, servers, queue: turns at a time"
    )
    parser.add_argument("--seconds", type=float, default=15.0, help="idle, platform, queue: for how long messages come")
    parser.add_argument("--turns", type=_positive, default=2000, help="growth, platform, spread: how many are worked")
    parser.add_argument("--sizes", type=_positive, nargs="+", help="growth, spread: how many are there before")
    parser.add_argument("--jobs", type=_positive, default=20_000, help="queue: how many")
    parser.add_argument("--lanes", type=_positive, nargs="+", default=[500, 1], help="queue: in how many lanes")
    parser.add_argument("--tenants", type=_positive, nargs="+", default=_TENANTS, help="spread: how many there are")
    parser.add_argument("--rate", type=float, default=100.0, help="platform: messages a second")
    parser.add_argument("--shops", type=_positive, default=50, help="platform: tenants that get them")
    parser.add_argument("--swaps", type=_positive, default=100, help="platform: how many in a run")
    parser.add_argument("--many", type=_positive, default=10_000, help="platform: very many tenants, beside one")
    parser.add_argument("--workers", type=_positive, nargs="+", default=_WORKERS, help="spread: how many work")
    parser.add_argument(
        "--peers", type=Path, default=INSTALLED, metavar="DIR", help="queue: where the other queues are installed"
    )
    parser.add_argument("--full", action="store_true", help="growth, spread: up to a million")
    parser.add_argument("--peer", type=Path, metavar="DIR", help="another worker to measure in turns with")
    parser.add_argument(
        "--write", type=Path, nargs="?", const=_PAGE, metavar="PAGE", help="write table and plot into a page too"
    )
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def _sections(given: argparse.Namespace, peer: Peer | None) -> Iterator[Section]:
    often = Often(given.runs, given.repeats, given.wait)
    sizes = given.sizes or (*_SIZES, *([_FULL] if given.full else []))
    if "pipeline" in given.only:
        for concurrency in given.concurrency:
            yield pipeline.section(given.messages, given.contacts, concurrency, often, peer)
    if "idle" in given.only:
        yield idle.section(given.seconds, often, peer)
    if "start" in given.only:
        yield start.section(often)
    if "growth" in given.only:
        yield growth.stored(sizes, given.turns, often)
        yield growth.waiting(sizes, given.turns, often)
    if "normalize" in given.only:
        yield normalize.section(often)
    if "platform" in given.only:
        load = Load(given.rate, given.seconds, given.shops)
        yield platform.swaps(load, given.swaps, often)
        yield platform.neighbours(load, often)
        yield many(given.many, given.turns, often)
    if any(part in given.only for part in _ON_SERVERS):
        yield from _on_servers(given, often, sizes, peer)


def _on_servers(given: argparse.Namespace, often: Often, sizes: Sequence[int], peer: Peer | None) -> Iterator[Section]:
    peers = given.peers.absolute() if is_installed(given.peers) else None
    if peers is None and "queue" in given.only:
        print(f"No other queues in {given.peers}: python -m benchmarks.peers install", file=sys.stderr, flush=True)
    with running() as servers:
        if "servers" in given.only:
            for concurrency in given.concurrency:
                yield grand.section(servers, given.messages, given.contacts, concurrency, often, peer)
        if "queue" in given.only:
            for concurrency in given.concurrency:
                for lanes in given.lanes:
                    yield noop.busy(servers.redis, peers, given.jobs, concurrency, lanes, often)
            yield noop.idle(servers.redis, peers, given.seconds, idle.RATE, often)
        if "spread" in given.only:
            yield spread.stored(servers, sizes, given.turns, often)
            yield spread.waiting(servers, sizes, given.turns, often)
            yield spread.tenants(servers, given.tenants, given.turns, often)
            yield spread.workers(servers, given.workers, given.turns, often)


def _machine() -> str:
    python = f"Python {python_version()}"
    return f"{os.cpu_count()} cores, {system()}, {python}, SQLite {sqlite3.sqlite_version}"


if __name__ == "__main__":
    main()
