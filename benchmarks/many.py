"""Ten thousand businesses in one worker, beside one and beside a hundred. On SQLite."""

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


def many(most: int, messages: int, often: Often) -> Section:
    """Beside one; and beside as many as get messages, so that only those differ that get none.

    :param most: of tenants, more than get messages.
    """
    busiest = min(_BUSY, most // 2)
    counts = (1, busiest, most)
    got = in_turns({_tenants(count): partial(_of, count, min(count, busiest), messages) for count in counts}, often)
    one, busy, all_of_them = got.values()
    name, others = _tenants(most), _tenants(busiest)
    rows = [
        *(row(f"{of}: seconds until the first answer", runs, "seconds", 2) for of, runs in got.items()),
        *(row(f"{of}: peak MB until then", runs, "first MB") for of, runs in got.items()),
        *(row(f"{of}: peak MB until all are answered", runs, "peak MB") for of, runs in got.items()),
        *(row(f"{of}: CPU s per 1,000", runs, "CPU s per 1,000", 3) for of, runs in got.items()),
        _more(f"{name} - 1 tenant: seconds", all_of_them, one, "seconds", 2),
        _more(f"{name} - 1 tenant: peak MB until the first answer", all_of_them, one, "first MB"),
        _more(f"{name} - 1 tenant: peak MB until all are answered", all_of_them, one, "peak MB"),
        ratio(f"{name} / {others}, CPU for the same messages", all_of_them, busy, "CPU s per 1,000"),
        ratio(f"{others} / 1 tenant, CPU", busy, one, "CPU s per 1,000"),
    ]
    return Section(f"Platform: four plugins each; {messages:,} messages of at most {busiest} tenants", rows)


def _tenants(count: int) -> str:
    return f"{count:,} tenant{'s' * (count > 1)}"


def _more(what: str, ours: list[Run], theirs: list[Run], figure: str, digits: int = 0) -> Row:
    pairs = zip(ours, theirs, strict=True)
    return Row(what, [one.figures[figure] - other.figures[figure] for one, other in pairs], digits)


def _of(count: int, busy: int, messages: int) -> Run:
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
