"""Many businesses in one worker: swaps while it works, bad neighbours, ten thousand of them. On SQLite."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from benchmarks.figures import Row, Run, Section, ratio, row
from benchmarks.machine import Meanwhile, Often, cpu_of, in_turns, peak_mb
from benchmarks.platform_plugins import BEGIN, ENTERED, HOW, VERSIONS, WARM, install
from benchmarks.shop import Shop, message, opened, tenant

__all__ = ["Answers", "Load", "many", "neighbours", "swapped", "swaps"]

#: of the swaps, every so many-th is broken
_BROKEN = 5
#: part of the run in which files are saved
_SAVING = 0.85
#: seconds for which the version before may still be taken, once the next one is entered
_SLACK = 0.25
#: seconds in which anything must have happened
_PATIENCE = 60.0
_LOOK = 0.1
#: of a tenant that is none of the ordinary ones: numbers of its messages from here on, and so many a second
_BAD_FIRST, _BAD_RATE = 1_000_000, 10
#: seconds: what hangs must not keep the end waiting
_DRAIN = "1s"
#: tenants that get messages, however many there are
_BUSY = 100
_CONTACTS = 500


@dataclass(frozen=True, slots=True)
class Load:
    """Messages that come steadily.

    :param rate: a second, of all tenants together.
    """

    rate: float
    seconds: float
    tenants: int

    @property
    def each(self) -> int:
        """Messages of one tenant."""
        return max(round(self.rate * self.seconds / self.tenants), 1)

    def __str__(self) -> str:
        return f"{self.rate:g} messages a second of {self.tenants} tenants for {self.seconds:g} s"


# ---------------------------------------------------------------------- swaps


def swaps(load: Load, count: int, often: Often) -> Section:
    contenders: dict[str, Callable[[], Run]] = {
        "quiet": lambda: swapped(load, 0),
        "swaps": lambda: swapped(load, count),
    }
    got = in_turns(contenders, often)
    rows = [
        row(f"{what}: {figure} ms", got[name], figure, 1)
        for name, what in (("quiet", "nothing is saved"), ("swaps", "swaps"))
        for figure in ("p50", "p99")
    ]
    rows += [
        ratio("swaps / nothing is saved, p99", got["swaps"], got["quiet"], "p99"),
        row("saved until in effect: median ms", got["swaps"], "taken"),
        row("saved until in effect: longest ms", got["swaps"], "longest"),
        *(row(f"swaps: {what}", got["swaps"], what) for what in ("lost", "doubled", "of a wrong version")),
    ]
    title = f"Platform: {load}, and {count} swaps, every {_BROKEN}th one broken: put until posted"
    return Section(title, rows)


@dataclass(frozen=True, slots=True)
class _Saved:
    """A tenant's file, with another option."""

    tenant: str
    version: int
    at: float
    broken: bool


def swapped(load: Load, count: int) -> Run:
    """:raises SystemExit: something was lost, doubled, or answered by a version that did not hold."""
    with opened() as shop:
        _prepare(shop, load, _versioned(shop, 0))
        meanwhile = Meanwhile(shop.gateway.pid)
        with shop.running(shop.folder) as worker:
            began = _begin(shop, worker, load)
            saved = [_save(shop, load, place, began + place * load.seconds * _SAVING / count) for place in range(count)]
            _wait_for_answers(shop, worker, load)
            _wait(worker, lambda: _is_taken(saved, _entered(shop)), "the last swaps")
        answers, entered = Answers.of(shop, load), _entered(shop)
        wrong = answers.of_wrong_versions(entered)
        figures = {**answers.waited(), "lost": answers.lost, "doubled": answers.doubled, "of a wrong version": wrong}
        if any(entered.get(one.tenant, {}).get(one.version) for one in saved if one.broken):
            raise SystemExit("wrong: a broken configuration was taken")
        if answers.lost or answers.doubled or wrong:
            raise SystemExit(f"wrong: {answers.lost} lost, {answers.doubled} doubled, {wrong} of a wrong version")
        return Run({**figures, **_in_effect(saved, entered)}, meanwhile.cores())


def _versioned(shop: Shop, version: int) -> dict[str, Any]:
    return {"versioned": {"version": version, "folder": str(_noted(shop))}}


def _save(shop: Shop, load: Load, place: int, at: float) -> _Saved:
    """Each round begins one tenant later, so that others get the broken ones."""
    time.sleep(max(at - time.monotonic(), 0))
    index, version, broken = (place + place // load.tenants) % load.tenants, place + 1, place % _BROKEN == _BROKEN - 1
    plugins = _versioned(shop, version)
    if broken:
        plugins["versioned"]["no_such_option"] = True
    at = time.monotonic()
    _write(shop, tenant(index), _steady(load, index), plugins)
    return _Saved(tenant(index), version, at, broken)


def _entered(shop: Shop) -> dict[str, dict[int, float]]:
    """Tenant -> version -> when."""
    found: dict[str, dict[int, float]] = {}
    for line in (_noted(shop) / ENTERED).read_text(encoding="ascii").splitlines():
        name, version, at = json.loads(line)
        found.setdefault(name, {}).setdefault(version, at)
    return found


def _is_taken(saved: list[_Saved], entered: Mapping[str, Mapping[int, float]]) -> bool:
    last = {one.tenant: one for one in saved}
    return all(one.broken or one.version in entered.get(one.tenant, {}) for one in last.values())


def _in_effect(saved: list[_Saved], entered: Mapping[str, Mapping[int, float]]) -> dict[str, float]:
    """Of those that were not saved over before they were read."""
    took = sorted(
        (entered[one.tenant][one.version] - one.at) * 1000
        for one in saved
        if one.version in entered.get(one.tenant, {})
    )
    return {"taken": took[len(took) // 2], "longest": took[-1]} if took else {}


# ---------------------------------------------------------------------- neighbours


def neighbours(load: Load, often: Often) -> Section:
    contenders: dict[str, Callable[[], Run]] = {"quiet": partial(_beside, load, None)}
    contenders |= {how: partial(_beside, load, how) for how in HOW}
    got = in_turns(contenders, often)
    rows = [
        row(f"{f'a neighbour {name}' if name in HOW else 'no neighbour'}: {figure} ms", got[name], figure, 1)
        for name in got
        for figure in ("p50", "p99")
    ]
    rows += [ratio(f"a neighbour {how} / no neighbour, p99", got[how], got["quiet"], "p99") for how in HOW]
    return Section(f"Platform: {load}, beside one more with {_BAD_RATE} a second: put until posted", rows)


def _beside(load: Load, how: str | None) -> Run:
    with opened() as shop:
        _prepare(shop, load, {"answering": {}})
        if how is not None:
            _write(shop, "bad", _bad(load), {"bad": {"how": how}})
        meanwhile = Meanwhile(shop.gateway.pid)
        with shop.running(shop.folder) as worker:
            _begin(shop, worker, load, beside=how is not None)
            _wait_for_answers(shop, worker, load)
        answers = Answers.of(shop, load)
        if answers.lost or answers.doubled:
            raise SystemExit(f"wrong: {answers.lost} lost, {answers.doubled} doubled, beside one that {how}")
        return Run(answers.waited(), meanwhile.cores())


def _bad(load: Load) -> dict[str, Any]:
    messages = max(round(_BAD_RATE * load.seconds), 1)
    return {"rate": _BAD_RATE, "messages": messages, "first": _BAD_FIRST, "step": 1, "after": 0.0}


# ---------------------------------------------------------------------- ten thousand


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
        _write_top(shop, {"channel": "baileys", "url": shop.gateway.url, "rate_limit": None})
        for number in range(count):
            plugins = {f"passing{place}": {"use": "passing", "number": number} for place in range(3)}
            _write(shop, tenant(number), {}, {**plugins, "answering": {"version": number % VERSIONS}})
        filling = _filling(shop)
        filling.fill([message(0, 0)])
        meanwhile, began = Meanwhile(shop.gateway.pid), time.monotonic()
        with shop.running(shop.folder) as worker:
            shop.gateway.first()
            first_mb = peak_mb(worker.pid)
            # each of them is built first
            filling.fill((message(1 + place, place % _CONTACTS) for place in range(busy)), tenants=busy)
            _wait(worker, lambda: _sent(shop) > busy, "a first answer of each")
            cpu = cpu_of(worker.pid)
            filling.fill((message(1 + busy + place, place % _CONTACTS) for place in range(messages)), tenants=busy)
            _wait(worker, lambda: _sent(shop) > busy + messages, "all answers")
            cpu, peak = cpu_of(worker.pid) - cpu, peak_mb(worker.pid)
        seen = shop.gateway.end()
        figures = {
            "seconds": seen.arrivals[0][1] - began,
            "first MB": first_mb,
            "peak MB": peak,
            "CPU s per 1,000": cpu / messages * 1000,
        }
        return Run(figures, meanwhile.cores())


def _filling(shop: Shop) -> Shop:
    """The same queue, named by a file that is read at once."""
    filling = Shop(shop.folder, shop.gateway, shop.places)
    filling.config = shop.folder / "filling.yaml"
    filling.configure()
    return filling


# ---------------------------------------------------------------------- a worker with a folder of tenants


def _prepare(shop: Shop, load: Load, plugins: dict[str, Any]) -> None:
    shop.prepare()
    install(shop.folder)
    _noted(shop).mkdir()
    main = {"channel": "steady", "url": shop.gateway.url, "rate_limit": None, "folder": str(_noted(shop))}
    _write_top(shop, main)
    for index in range(load.tenants):
        _write(shop, tenant(index), _steady(load, index), plugins)


def _write_top(shop: Shop, main: dict[str, Any]) -> None:
    document = {
        "queue": shop.places.queue,
        "database": shop.places.database,
        "worker": {"drain": _DRAIN},
        "defaults": {"instances": {"main": main}},
        "tenants_from": "tenants/*.yaml",
    }
    shop.config.write_text(yaml.safe_dump(document), encoding="utf-8")
    (shop.folder / "tenants").mkdir()


def _write(shop: Shop, name: str, main: dict[str, Any], plugins: dict[str, Any]) -> None:
    """As an editor does: a new file in the place of the old one. JSON is YAML, and quicker to write."""
    document = {name: {"name": "Loja", "instances": {"main": main}, "plugins": plugins}}
    part = shop.folder / "tenants" / f"{name}.part"
    part.write_text(json.dumps(document, indent=1), encoding="utf-8")
    part.rename(part.with_suffix(".yaml"))


def _steady(load: Load, index: int) -> dict[str, Any]:
    return {
        "rate": load.rate / load.tenants,
        "messages": load.each,
        "first": index + 1,
        "step": load.tenants,
        "after": index / load.rate,
    }


def _noted(shop: Shop) -> Path:
    return shop.folder / "noted"


def _begin(shop: Shop, worker: subprocess.Popen[bytes], load: Load, *, beside: bool = False) -> float:
    """When everybody is there, and was answered once."""
    listening = load.tenants + beside
    _wait(worker, lambda: len(list(_noted(shop).glob("*.ready"))) == listening, "the tenants")
    _wait(worker, lambda: _sent(shop) >= load.tenants, "first answers")
    part = _noted(shop) / f"{BEGIN}.part"
    began = time.monotonic() + 0.5
    part.write_text(str(began), encoding="ascii")
    part.rename(part.with_suffix(""))
    return began


def _wait_for_answers(shop: Shop, worker: subprocess.Popen[bytes], load: Load) -> None:
    put = [_noted(shop) / f"{tenant(index)}.put" for index in range(load.tenants)]
    _wait(worker, lambda: all(one.exists() for one in put), "all messages", load.seconds)
    _wait(worker, lambda: _sent(shop) >= load.tenants * (load.each + 1), "all answers")


def _sent(shop: Shop) -> int:
    """Answers of the ordinary tenants."""
    statement = "SELECT count(*) FROM auzap_outbox WHERE state = 'sent' AND organization_id <> 'bad'"
    with closing(sqlite3.connect(f"file:{shop.folder / 'auzap.db'}?mode=ro", uri=True)) as connection:
        return int(connection.execute(statement).fetchone()[0])


def _wait(worker: subprocess.Popen[bytes], there: Callable[[], bool], what: str, more: float = 0.0) -> None:
    deadline = time.monotonic() + _PATIENCE + more
    while not there():
        if worker.poll() is not None:
            raise RuntimeError(f"the worker ended with {worker.returncode}")
        if time.monotonic() > deadline:
            raise SystemExit(f"wrong: {what} did not come within {_PATIENCE + more:.0f} s")
        time.sleep(_LOOK)


@dataclass(frozen=True, slots=True)
class Answers:
    """What was put and what was posted, of the ordinary tenants."""

    load: Load
    #: number -> when
    put: Mapping[int, float]
    #: number, version, when
    posted: list[tuple[int, int, float]]

    @classmethod
    def of(cls, shop: Shop, load: Load) -> Answers:
        put: dict[int, float] = {}
        for index in range(load.tenants):
            times = json.loads((_noted(shop) / f"{tenant(index)}.put").read_text(encoding="ascii"))
            put |= {int(number): at for number, at in times.items()}
        arrivals = [(*divmod(number, VERSIONS), at) for number, at in shop.gateway.end().arrivals]
        return cls(load, put, [one for one in arrivals if 0 < one[0] < WARM])

    @property
    def lost(self) -> int:
        return len(self.put.keys() - {number for number, _, _ in self.posted})

    @property
    def doubled(self) -> int:
        return len(self.posted) - len({number for number, _, _ in self.posted})

    def waited(self) -> dict[str, float]:
        waited = sorted((at - self.put[number]) * 1000 for number, _, at in self.posted)
        return {f"p{percent}": waited[percent * len(waited) // 100] for percent in (50, 99)}

    def of_wrong_versions(self, entered: Mapping[str, Mapping[int, float]]) -> int:
        """A turn is open from before its message is put until its answer is posted; a version holds from when it is
        entered until the next one is.
        """
        wrong = 0
        for number, version, at in self.posted:
            versions = entered[tenant((number - 1) % self.load.tenants)]
            since = versions.get(version)
            if since is None or since > at:
                wrong += 1
                continue
            until = min((later for later in versions.values() if later > since), default=None)
            wrong += until is not None and self.put[number] > until + _SLACK
        return wrong
