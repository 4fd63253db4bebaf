"""Many businesses in one worker: swaps while it works, and bad neighbours. On SQLite."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from benchmarks.figures import Run, Section, ratio, row
from benchmarks.machine import Meanwhile, Often, in_turns
from benchmarks.platform_plugins import ENTERED, HOW, VERSIONS, WARM
from benchmarks.platform_shop import Load, begin, noted, prepare, steady, wait, wait_for_answers, write
from benchmarks.shop import Shop, opened, tenant

__all__ = ["Answers", "neighbours", "swapped", "swaps"]

#: of the swaps, every so many-th is broken
_BROKEN = 5
#: part of the run in which files are saved
_SAVING = 0.85
#: seconds for which the version before may still be taken, once the next one is entered
_SLACK = 0.25
#: of a tenant that is none of the ordinary ones: numbers of its messages from here on, and so many a second
_BAD_FIRST, _BAD_RATE = 1_000_000, 10


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
        prepare(shop, load, _versioned(shop, 0))
        meanwhile = Meanwhile(shop.gateway.pid)
        with shop.running(shop.folder) as worker:
            began = begin(shop, worker, load)
            saved = [_save(shop, load, place, began + place * load.seconds * _SAVING / count) for place in range(count)]
            wait_for_answers(shop, worker, load)
            wait(worker, lambda: _is_taken(saved, _entered(shop)), "the last swaps")
        answers, entered = Answers.of(shop, load), _entered(shop)
        wrong = answers.of_wrong_versions(entered)
        figures = {**answers.waited(), "lost": answers.lost, "doubled": answers.doubled, "of a wrong version": wrong}
        if any(entered.get(one.tenant, {}).get(one.version) for one in saved if one.broken):
            raise SystemExit("wrong: a broken configuration was taken")
        if answers.lost or answers.doubled or wrong:
            raise SystemExit(f"wrong: {answers.lost} lost, {answers.doubled} doubled, {wrong} of a wrong version")
        return Run({**figures, **_in_effect(saved, entered)}, meanwhile.cores())


def _versioned(shop: Shop, version: int) -> dict[str, Any]:
    return {"versioned": {"version": version, "folder": str(noted(shop))}}


def _save(shop: Shop, load: Load, place: int, at: float) -> _Saved:
    """Each round begins one tenant later, so that others get the broken ones."""
    time.sleep(max(at - time.monotonic(), 0))
    index, version, broken = (place + place // load.tenants) % load.tenants, place + 1, place % _BROKEN == _BROKEN - 1
    plugins = _versioned(shop, version)
    if broken:
        plugins["versioned"]["no_such_option"] = True
    at = time.monotonic()
    write(shop, tenant(index), steady(load, index), plugins)
    return _Saved(tenant(index), version, at, broken)


def _entered(shop: Shop) -> dict[str, dict[int, float]]:
    """Tenant -> version -> when."""
    found: dict[str, dict[int, float]] = {}
    for line in (noted(shop) / ENTERED).read_text(encoding="ascii").splitlines():
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
        prepare(shop, load, {"answering": {}})
        if how is not None:
            write(shop, "bad", _bad(load), {"bad": {"how": how}})
        meanwhile = Meanwhile(shop.gateway.pid)
        with shop.running(shop.folder) as worker:
            begin(shop, worker, load, beside=how is not None)
            wait_for_answers(shop, worker, load)
        answers = Answers.of(shop, load)
        if answers.lost or answers.doubled:
            raise SystemExit(f"wrong: {answers.lost} lost, {answers.doubled} doubled, beside one that {how}")
        return Run(answers.waited(), meanwhile.cores())


def _bad(load: Load) -> dict[str, Any]:
    messages = max(round(_BAD_RATE * load.seconds), 1)
    return {"rate": _BAD_RATE, "messages": messages, "first": _BAD_FIRST, "step": 1, "after": 0.0}


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
            times = json.loads((noted(shop) / f"{tenant(index)}.put").read_text(encoding="ascii"))
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
