"""The whole way of a message on Redis and Postgres: the pipeline's messages, beside the worker to compare with."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from benchmarks.figures import Run, Section, ratio, row
from benchmarks.machine import Meanwhile, Often, in_turns
from benchmarks.peer import Peer
from benchmarks.servers import Servers
from benchmarks.shop import Places, Shop, message, opened

__all__ = ["RATIOS", "on_servers", "section"]

_RATE, _CPU, _ALL = "messages/s", "CPU s per 1,000", "CPU s per 1,000 with servers"
#: what the plot shows
RATIOS = "auzap / peer, messages/s"


def section(
    servers: Servers, messages: int, contacts: int, concurrency: int, often: Often, peer: Peer | None
) -> Section:
    """auzap and the worker to compare with, in turns."""
    contenders: dict[str, Callable[[], Run]] = {"auzap": lambda: _drain(servers, messages, contacts, concurrency)}
    if peer is not None:
        contenders["peer"] = lambda: peer.drain(messages, contacts, concurrency)
    rows = []
    for name, runs in (got := in_turns(contenders, often)).items():
        rows += [
            row(f"{name}: messages/s", runs, _RATE),
            row(f"{name}: CPU s per 1,000", runs, _CPU, 3),
            row(f"{name} with Redis and Postgres: CPU s per 1,000", runs, _ALL, 3),
            row(f"{name}: peak MB", runs, "peak MB"),
        ]
    if peer is not None:
        rows += [
            ratio(RATIOS, got["auzap"], got["peer"], _RATE),
            ratio("peer / auzap, CPU", got["peer"], got["auzap"], _CPU),
            ratio("peer / auzap, CPU with Redis and Postgres", got["peer"], got["auzap"], _ALL),
        ]
    title = f"Redis and Postgres, {concurrency} at a time: {messages:,} messages of {contacts:,} contacts"
    return Section(title, rows)


def _drain(servers: Servers, messages: int, contacts: int, concurrency: int) -> Run:
    chance = random.Random(12345)
    with on_servers(servers, concurrency=concurrency) as shop:
        shop.fill(message(number, chance.randrange(contacts)) for number in range(messages))
        meanwhile, before = Meanwhile(shop.gateway.pid, also=servers.cpu), servers.cpu()
        told = shop.work()
        theirs = servers.cpu() - before
        seen = shop.gateway.end()
        foreign = meanwhile.cores()
    if (len(seen.arrivals), seen.keys) != (messages, messages):
        raise SystemExit(f"wrong: {messages} messages, {len(seen.arrivals)} posts, {seen.keys} keys")
    figures = {
        _RATE: (messages - 1) / seen.seconds,
        _CPU: told["cpu"] / messages * 1000,
        _ALL: (told["cpu"] + theirs) / messages * 1000,
        "loop CPU s per 1,000": told["loop_cpu"] / messages * 1000,
        "peak MB": told["rss_mb"],
    }
    return Run(figures, foreign)


@contextmanager
def on_servers(servers: Servers, *, concurrency: int, tenants: int = 1, template: str = "shop") -> Iterator[Shop]:
    """With an empty Redis, and a database as the template is."""
    servers.redis.empty()
    with (
        servers.postgres.database(template) as database,
        opened(concurrency=concurrency, tenants=tenants, places=Places(servers.redis.url, database)) as shop,
    ):
        yield shop
