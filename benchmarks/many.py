"""Ten thousand businesses in one worker, beside one. On SQLite."""

from __future__ import annotations

import time
from functools import partial

from benchmarks.figures import Row, Run, Section, ratio, row
from benchmarks.machine import Meanwhile, Often, cpu_of, in_turns, peak_mb
from benchmarks.platform_plugins import VERSIONS, install
from benchmarks.platform_shop import sent, wait, write, write_top
from benchmarks.shop import Shop, message, opened, tenant

__all__ = ["many"]

#: tenants that get messages, however many there are
_BUSY = 100
_CONTACTS = 500
#: the worker has begun when in so many seconds it takes no more CPU than that
_CALM, _IDLE = 0.5, 0.02


def many(counts: tuple[int, int], messages: int, often: Often) -> Section:
    """:param counts: of tenants: few, and many."""
    got = in_turns({f"{count:,} tenant{'s' * (count > 1)}": partial(_of, count, messages) for count in counts}, often)
    (few, least), (most, all_of_them) = got.items()
    rows = [
        *(row(f"{name}: seconds until the first answer", got[name], "seconds", 2) for name in got),
        *(row(f"{name}: peak MB until then", got[name], "first MB") for name in got),
        *(row(f"{name}: peak MB until all are answered", got[name], "peak MB") for name in got),
        *(row(f"{name}: CPU s per 1,000", got[name], "CPU s per 1,000", 3) for name in got),
        _more(f"{most} - {few}: seconds", all_of_them, least, "seconds", 2),
        _more(f"{most} - {few}: peak MB until the first answer", all_of_them, least, "first MB"),
        _more(f"{most} - {few}: peak MB until all are answered", all_of_them, least, "peak MB"),
        ratio(f"{most} / {few}, CPU", all_of_them, least, "CPU s per 1,000"),
    ]
    return Section(f"Platform: four plugins each; {messages:,} messages of at most {_BUSY} tenants", rows)


def _more(what: str, ours: list[Run], theirs: list[Run], figure: str, digits: int = 0) -> Row:
    pairs = zip(ours, theirs, strict=True)
    return Row(what, [one.figures[figure] - other.figures[figure] for one, other in pairs], digits)


def _of(count: int, messages: int) -> Run:
    busy = min(count, _BUSY)
    with opened() as shop:
        shop.prepare()
        install(shop.folder)
        write_top(shop, {"channel": "baileys", "url": shop.gateway.url, "rate_limit": None})
        for number in range(count):
            plugins = {f"passing{place}": {"use": "passing", "number": number} for place in range(3)}
            write(shop, tenant(number), {}, {**plugins, "answering": {"version": number % VERSIONS}})
        filling = _filling(shop)
        filling.fill([message(0, 0)])
        meanwhile, began = Meanwhile(shop.gateway.pid), time.monotonic()
        with shop.running(shop.folder) as worker:
            shop.gateway.first()
            first_mb = peak_mb(worker.pid)
            # each of them is built first
            filling.fill((message(1 + place, place % _CONTACTS) for place in range(busy)), tenants=busy)
            wait(worker, lambda: sent(shop) > busy, "a first answer of each")
            _wait_until_calm(worker.pid)
            cpu = cpu_of(worker.pid)
            filling.fill((message(1 + busy + place, place % _CONTACTS) for place in range(messages)), tenants=busy)
            wait(worker, lambda: sent(shop) > busy + messages, "all answers")
            cpu, peak = cpu_of(worker.pid) - cpu, peak_mb(worker.pid)
        seen = shop.gateway.end()
        figures = {
            "seconds": seen.arrivals[0][1] - began,
            "first MB": first_mb,
            "peak MB": peak,
            "CPU s per 1,000": cpu / messages * 1000,
        }
        return Run(figures, meanwhile.cores())


def _wait_until_calm(pid: int) -> None:
    """Once it works it looks whether a file was saved while it began."""
    before, now = -_IDLE, cpu_of(pid)
    while now - before > _IDLE:
        time.sleep(_CALM)
        before, now = now, cpu_of(pid)


def _filling(shop: Shop) -> Shop:
    """The same queue, named by a file that is read at once."""
    filling = Shop(shop.folder, shop.gateway, shop.places)
    filling.config = shop.folder / "filling.yaml"
    filling.configure()
    return filling
