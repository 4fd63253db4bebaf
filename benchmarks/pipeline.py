"""The whole way of a message: how many a second, and what CPU a thousand cost.

    python -m benchmarks.pipeline --profile [--concurrency 50]

prints where the event loop's thread spends its time; without ``--profile`` it is a part of ``python -m benchmarks``.

Each run is a new folder: a SQLite queue filled beforehand, an empty SQLite database (both ``synchronous=FULL``), one
worker process with client_ai and no rate limit, one gateway process that answers at once.
"""

from __future__ import annotations

import argparse
import json
import pstats
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks import raw
from benchmarks.figures import Row, Run, Section, ratio, row
from benchmarks.machine import Meanwhile, Often, in_turns
from benchmarks.peer import Peer
from benchmarks.shop import ROOT, Shop, message, opened

__all__ = ["main", "section"]

_RATE, _CPU = "messages/s", "CPU s per 1,000"


def section(messages: int, contacts: int, concurrency: int, often: Often, peer: Peer | None) -> Section:
    """auzap, what it stands on, and the worker to compare with, in turns."""
    contenders: dict[str, Callable[[], Run]] = {
        "auzap": lambda: _drain(messages, contacts, concurrency),
        "plain sqlite3": lambda: _sqlite(messages, contacts, concurrency),
        "bare POST": lambda: _post(messages, concurrency),
    }
    if peer is not None:
        contenders["peer"] = lambda: peer.drain(messages, contacts, concurrency)
    got = in_turns(contenders, often)
    ours, sqlite, posts = got["auzap"], got["plain sqlite3"], got["bare POST"]
    rows = [
        row("auzap: messages/s", ours, _RATE),
        row("auzap: CPU s per 1,000", ours, _CPU, 3),
        row("auzap: of that the event loop's thread", ours, "loop CPU s per 1,000", 3),
        row("auzap: peak MB", ours, "peak MB"),
        row(f"plain sqlite3, {raw.STATEMENTS} statements each: messages/s", sqlite, _RATE),
        row("plain sqlite3: CPU s per 1,000", sqlite, _CPU, 3),
        row("bare aiohttp: posts/s", posts, _RATE),
        row("bare aiohttp: CPU s per 1,000", posts, _CPU, 3),
        ratio("auzap / plain sqlite3, CPU", ours, sqlite, _CPU),
        ratio("auzap / bare aiohttp, CPU", ours, posts, _CPU),
    ]
    if peer is not None:
        rows += _beside(ours, got["peer"])
    return Section(f"Whole way, {concurrency} at a time: {messages:,} messages of {contacts:,} contacts", rows)


def _beside(ours: list[Run], peers: list[Run]) -> list[Row]:
    return [
        row("peer: messages/s", peers, _RATE),
        row("peer: CPU s per 1,000", peers, _CPU, 3),
        row("peer with its Redis and Postgres: CPU s per 1,000", peers, "CPU s per 1,000 with servers", 3),
        row("peer: peak MB", peers, "peak MB"),
        ratio("auzap / peer, messages/s", ours, peers, _RATE),
        ratio("peer / auzap, CPU", peers, ours, _CPU),
    ]


# ---------------------------------------------------------------------- one run


def _drain(messages: int, contacts: int, concurrency: int) -> Run:
    with _filled(messages, contacts, concurrency) as shop:
        meanwhile = Meanwhile(shop.gateway.pid)
        told = shop.work()
        seen = shop.gateway.end()
        foreign = meanwhile.cores()
    if (len(seen.arrivals), seen.keys) != (messages, messages):
        raise SystemExit(f"wrong: {messages} messages, {len(seen.arrivals)} posts, {seen.keys} keys")
    figures = {
        _RATE: (messages - 1) / seen.seconds,
        _CPU: told["cpu"] / messages * 1000,
        "loop CPU s per 1,000": told["loop_cpu"] / messages * 1000,
        "peak MB": told["rss_mb"],
    }
    return Run(figures, foreign)


def _sqlite(messages: int, contacts: int, concurrency: int) -> Run:
    """On the files that the worker is given."""
    with _filled(messages, contacts, concurrency) as shop:
        meanwhile = Meanwhile(shop.gateway.pid)
        seconds, cpu = raw.run(shop.database_file, shop.queue_file, contacts=contacts, concurrency=concurrency)
        return Run({_RATE: messages / seconds, _CPU: cpu / messages * 1000}, meanwhile.cores())


def _post(messages: int, concurrency: int) -> Run:
    with opened() as shop:
        meanwhile = Meanwhile(shop.gateway.pid)
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.post", f"{shop.gateway.url}/send", str(messages), str(concurrency)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            check=True,
            timeout=600,
        )
        told = json.loads(done.stdout)
        return Run({_RATE: messages / told["seconds"], _CPU: told["cpu"] / messages * 1000}, meanwhile.cores())


@contextmanager
def _filled(messages: int, contacts: int, concurrency: int) -> Iterator[Shop]:
    """A shop whose queue is full."""
    chance = random.Random(12345)
    with opened(concurrency=concurrency) as shop:
        shop.prepare()
        shop.fill(message(number, chance.randrange(contacts)) for number in range(messages))
        yield shop


# ---------------------------------------------------------------------- where the time goes


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pipeline", description=__doc__.partition("\n")[0])
    parser.add_argument("--messages", type=int, default=5000)
    parser.add_argument("--contacts", type=int, default=500)
    parser.add_argument("--concurrency", type=int, default=50)
    parser.add_argument("--profile", action="store_true", required=True)
    parser.add_argument("--to", type=Path, help="keep the profile in this file too")
    given = parser.parse_args()
    with _filled(given.messages, given.contacts, given.concurrency) as shop:
        file = given.to or shop.folder / "profile"
        shop.work("--profile", str(file.absolute()))
        print(f"{given.concurrency} at a time: seconds of {given.messages} messages, the event loop's thread alone")
        pstats.Stats(str(file)).strip_dirs().sort_stats("tottime").print_stats(40)


if __name__ == "__main__":
    main()
