"""On Redis and Postgres: whether a message costs the same, however much is there, whoever's it is, whoever works."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from itertools import pairwise

from benchmarks.copying import copy_rows
from benchmarks.figures import Row, Run, Section, ratio, row
from benchmarks.grand import on_servers
from benchmarks.machine import Meanwhile, Often, in_turns
from benchmarks.seeding import seed_messages
from benchmarks.servers import Servers
from benchmarks.shop import Shop, message, opened

__all__ = ["stored", "tenants", "waiting", "workers"]

_CONCURRENCY = 50
_RATE, _CPU, _ALL = "messages/s", "CPU s per 1,000", "with servers"
#: messages of one contact, of those that are there already
_EACH = 10
#: contacts whose messages are worked; as many are there at the least
_CONTACTS = 500
#: tenants that get messages, however many there are
_BUSY = 100
#: turns at a time, of each of several workers
_OF_EACH = 10
#: several workers get so many times as much to do, and the first turns of each are not counted: four build what they
#: need four times
_MORE, _WARM = 4, 50


def stored(servers: Servers, sizes: Sequence[int], turns: int, often: Often) -> Section:
    """Old messages in the database; those that are worked come from 500 of its contacts, spread over all of them."""

    def work(size: int) -> Run:
        step = _people(size) // _CONTACTS
        with on_servers(servers, concurrency=_CONCURRENCY, template=f"stored_{size}") as shop:
            shop.fill(message(number, number % _CONTACTS * step) for number in range(turns))
            return _work(servers, shop, turns)

    with _seeded(servers, sizes):
        rows = _rows({f"{size:,} messages stored": partial(work, size) for size in sizes}, often)
    return Section(f"Redis and Postgres: {turns:,} messages, {_CONCURRENCY} at a time, so many stored before", rows)


def waiting(servers: Servers, sizes: Sequence[int], turns: int, often: Often) -> Section:
    """Jobs in the queue besides those that are worked, ten in each lane."""

    def work(size: int) -> Run:
        lanes = -(-(size + turns) // _EACH)
        with on_servers(servers, concurrency=_CONCURRENCY) as shop:
            shop.fill(message(number, number % lanes) for number in range(size + turns))
            return _work(servers, shop, turns)

    rows = _rows({f"{size:,} others waiting": partial(work, size) for size in sizes}, often)
    return Section(f"Redis and Postgres: {turns:,} messages, {_CONCURRENCY} at a time, while so many others wait", rows)


def tenants(servers: Servers, counts: Sequence[int], turns: int, often: Often) -> Section:
    """In a generated configuration. A hundred of them get messages; each is built when its first one comes, and what
    that costs is not counted."""
    warm = min(2 * _BUSY, turns // 4)

    def work(count: int) -> Run:
        with on_servers(servers, concurrency=_CONCURRENCY, tenants=count) as shop:
            shop.fill((message(number, number % _CONTACTS) for number in range(turns)), tenants=min(count, _BUSY))
            return _work(servers, shop, turns, warm)

    rows = _rows({f"{count:,} tenants": partial(work, count) for count in counts}, often)
    title = f"Redis and Postgres: {turns:,} messages, {_CONCURRENCY} at a time, of at most {_BUSY} of so many tenants"
    return Section(title, rows)


def workers(servers: Servers, counts: Sequence[int], turns: int, often: Often) -> Section:
    """Several processes empty one queue: the CPU of all of them together."""
    turns *= _MORE

    def work(count: int) -> Run:
        warm = min(_WARM, turns // count // 4)
        with on_servers(servers, concurrency=_OF_EACH) as shop, ThreadPoolExecutor(count) as threads:
            shop.fill(message(number, number % _CONTACTS) for number in range(turns))
            meanwhile, before = Meanwhile(shop.gateway.pid, also=servers.cpu), servers.cpu()
            working = [threads.submit(shop.work, "--warm", str(warm)) for _ in range(count)]
            told = [one.result() for one in working]
            counted = sum(one["turns"] for one in told)
            return _run(servers, shop, turns, sum(one["cpu"] for one in told) / counted, before, meanwhile)

    rows = _rows({f"{count} workers": partial(work, count) for count in counts}, often)
    return Section(f"Redis and Postgres: {turns:,} messages, {_OF_EACH} at a time in each of so many workers", rows)


def _people(size: int) -> int:
    return max(size // _EACH, _CONTACTS)


@contextmanager
def _seeded(servers: Servers, sizes: Sequence[int]) -> Iterator[None]:
    """Databases made once: each run gets a copy."""
    for size in sizes:
        with opened() as shop:
            shop.prepare()
            seed_messages(shop.database_file, size, _people(size))
            servers.postgres.run(f"CREATE DATABASE stored_{size} TEMPLATE shop")
            copy_rows(shop.database_file, servers.postgres.url(f"stored_{size}"))
    yield
    for size in sizes:
        servers.postgres.run(f"DROP DATABASE stored_{size}")


def _rows(contenders: dict[str, Callable[[], Run]], often: Often) -> list[Row]:
    got = in_turns(contenders, often)
    names = list(got)
    pairs = [(more, less) for less, more in pairwise(names)] + ([(names[-1], names[0])] if len(names) > 2 else [])
    return [
        *(row(f"{name}: messages/s", got[name], _RATE) for name in got),
        *(row(f"{name}: CPU s per 1,000", got[name], _CPU, 3) for name in got),
        *(row(f"{name}: CPU s per 1,000 with Redis and Postgres", got[name], _ALL, 3) for name in got),
        *(ratio(f"{more} / {less}, CPU", got[more], got[less], _CPU) for more, less in pairs),
        *(ratio(f"{more} / {less}, CPU with Redis and Postgres", got[more], got[less], _ALL) for more, less in pairs),
    ]


def _work(servers: Servers, shop: Shop, turns: int, warm: int = 0) -> Run:
    """:param warm: turns whose CPU is not counted."""
    meanwhile, before = Meanwhile(shop.gateway.pid, also=servers.cpu), servers.cpu()
    told = shop.work("--turns", str(turns), "--warm", str(warm))
    return _run(servers, shop, turns, told["cpu"] / told["turns"], before, meanwhile)


def _run(servers: Servers, shop: Shop, turns: int, cpu: float, before: float, meanwhile: Meanwhile) -> Run:
    """:param cpu: of a message, the workers' own."""
    theirs = (servers.cpu() - before) / turns
    seen = shop.gateway.end()
    figures = {_RATE: (turns - 1) / seen.until(turns), _CPU: cpu * 1000, _ALL: (cpu + theirs) * 1000}
    return Run(figures, meanwhile.cores())
