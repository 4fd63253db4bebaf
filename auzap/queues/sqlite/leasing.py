"""Handing out lanes: tenants in turn, a tenant's lanes in the order in which they got ready."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from operator import itemgetter

from auzap.contract.queue import Lease
from auzap.queues.sqlite.clock import Clock
from auzap.queues.sqlite.lanes import next_due, promote
from auzap.queues.sqlite.rows import PACKED, envelope_of, plain, stored

__all__ = ["Taken", "Wanted", "lease", "lease_in"]

#: envelopes in one lease
_MOST = 20
#: characters of payload in one lease, unless its first envelope alone has more
_LONG = 1_000_000

_READY = """
    SELECT json_group_array(json_array(lane, place)) FROM (
        SELECT lane, place FROM lanes WHERE state = 'ready' AND tenant = ? AND side = ? AND place > ?
        ORDER BY place LIMIT ?)"""
#: of all lanes, the first envelopes: lane, position, length of the payload
_ENVELOPES = f"""
    WITH wanted (lane) AS (VALUES (?))
    SELECT json_group_array(json_array(w.lane, e.pos, length(e.payload)))
    FROM wanted w CROSS JOIN envelopes e WHERE e.pos IN (
        SELECT pos FROM envelopes WHERE lane = w.lane AND state = 'waiting' ORDER BY pos LIMIT {_MOST})"""  # noqa: S608
_LEASE = """
    WITH new (due, token, worker, upto, lane) AS (VALUES (?, ?, ?, ?, ?))
    UPDATE lanes
    SET state = 'leased', place = NULL, due = new.due, token = new.token, worker = new.worker, upto = new.upto
    FROM new WHERE lanes.lane = new.lane"""
_READ = f"""
    WITH wanted (pos) AS (VALUES (?))
    SELECT json_group_array(json_array(pos, {PACKED})) FROM wanted CROSS JOIN envelopes USING (pos)"""  # noqa: S608


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What one call of ``lease`` asks for."""

    worker: str
    lanes: int
    #: lanes of events, or the others
    side: bool
    duration: float
    #: see ``Share``
    most: int | None
    held: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Taken:
    leases: list[Lease]
    #: whether a lane of this side may still be ready, of a tenant that has not its share
    more: bool
    #: those that have it, and more lanes ready; only told if there is nothing more of others
    full: frozenset[str]
    #: when to look again, though nobody has rung; only told if there is nothing, or nothing more
    due: float | None


def lease(tx: sqlite3.Connection, wanted: Sequence[Wanted]) -> list[Taken]:
    with Clock(tx) as clock:
        promote(clock)
        return lease_in(clock, wanted)


def lease_in(clock: Clock, wanted: Sequence[Wanted]) -> list[Taken]:
    """In a transaction that has made ready what is due."""
    if not wanted:
        return []
    leases = [_lease(clock, want) for want in wanted]
    left = [_left(clock, want, got) for got, want in zip(leases, wanted, strict=True)]
    due = None if all(leases) and all(more for more, _ in left) else next_due(clock)
    return [Taken(got, more, full, due) for got, (more, full) in zip(leases, left, strict=True)]


def _lease(clock: Clock, want: Wanted) -> list[Lease]:
    takers = _takers(clock, want)
    _share_out(clock, takers, want.lanes)
    tokens = {}
    for taker, lane in _in_turn(takers):
        tokens[lane] = taker.turn = clock.tick()
    leases = _hand_out(clock, tokens, want)
    for taker in takers:
        _next_turn(clock, taker)
    return leases


def _left(clock: Clock, want: Wanted, got: Sequence[Lease]) -> tuple[bool, frozenset[str]]:
    """Whether another call would find more; if not, whose share is why. A tenant stands there as long as it has a lane
    ready.
    """
    held, full = Counter(want.held) + Counter(lease.tenant for lease in got), set()
    for (tenant,) in clock.tx.execute("SELECT tenant FROM tenants WHERE side = ?", (want.side,)):
        if want.most is None or held[plain(tenant)] < want.most:
            return True, frozenset()
        full.add(plain(tenant))
    return False, frozenset(full)


# ---------------------------------------------------------------------- which lanes


@dataclass(slots=True, eq=False)
class _Taker:
    """A tenant that has lanes ready."""

    tenant: str
    side: bool
    #: how many it may still get
    room: int
    lanes: list[str] = field(default_factory=list)
    #: of the last of ``lanes``
    place: int = 0
    #: token of the last of ``lanes``
    turn: int = 0


def _takers(clock: Clock, want: Wanted) -> list[_Taker]:
    """Those who have waited longest, and no more of them than there are lanes wanted."""
    takers: list[_Taker] = []
    for (tenant,) in clock.tx.execute("SELECT tenant FROM tenants WHERE side = ? ORDER BY turn", (want.side,)):
        room = want.lanes if want.most is None else want.most - want.held.get(plain(tenant), 0)
        if room > 0:
            takers.append(_Taker(tenant, want.side, room))
            if len(takers) == want.lanes:
                break
    return takers


def _share_out(clock: Clock, takers: list[_Taker], lanes: int) -> None:
    """Choose ``lanes`` lanes, in rounds: what a tenant has no lanes for goes to the others."""
    left = lanes
    while left and takers:
        each = max(left // len(takers), 1)
        more = []
        for taker in takers:
            ask = min(each, taker.room, left)
            found = _choose(clock, taker, ask)
            left -= found
            if found == ask and taker.room:
                more.append(taker)
            if not left:
                break
        takers = more


def _choose(clock: Clock, taker: _Taker, most: int) -> int:
    (text,) = clock.tx.execute(_READY, (taker.tenant, taker.side, taker.place, most)).fetchone()
    found = sorted(json.loads(text), key=itemgetter(1))
    if found:
        taker.lanes.extend(lane for lane, _ in found)
        taker.place = found[-1][1]
        taker.room -= len(found)
    return len(found)


def _in_turn(takers: list[_Taker]) -> list[tuple[_Taker, str]]:
    """The first lane of each, then the second of each, and so on."""
    rounds = zip_longest(*(taker.lanes for taker in takers))
    return [(taker, lane) for lanes in rounds for taker, lane in zip(takers, lanes, strict=True) if lane is not None]


# ---------------------------------------------------------------------- what is written


def _hand_out(clock: Clock, tokens: Mapping[str, int], want: Wanted) -> list[Lease]:
    """:param tokens: the lanes, and what each is leased under."""
    chosen = _first_ones(clock, tokens)
    rows = {pos: row for pos, *row in clock.found(_READ, [(pos,) for some in chosen.values() for pos in some])}
    due, worker = clock.now + want.duration, stored(want.worker)
    clock.execute(_LEASE, [(due, token, worker, chosen[lane][-1], lane) for lane, token in tokens.items()])
    leases = []
    for lane, token in tokens.items():
        envelopes = tuple(envelope_of(rows[pos]) for pos in chosen[lane])
        leases.append(Lease(plain(lane), envelopes[0].tenant, token, envelopes))
    return leases


def _first_ones(clock: Clock, lanes: Iterable[str]) -> dict[str, list[int]]:
    """The positions of each lane's first envelopes, no more of them than one lease takes."""
    chosen: dict[str, list[int]] = {}
    lengths: Counter[str] = Counter()
    for lane, pos, length in sorted(clock.found(_ENVELOPES, [(lane,) for lane in lanes]), key=itemgetter(1)):
        lengths[lane] += length
        if lane not in chosen or lengths[lane] <= _LONG:
            chosen.setdefault(lane, []).append(pos)
    return chosen


def _next_turn(clock: Clock, taker: _Taker) -> None:
    """It goes behind the others, or away if it has no lane ready any more."""
    whose = (taker.tenant, taker.side)
    ready = clock.tx.execute("SELECT 1 FROM lanes WHERE state = 'ready' AND tenant = ? AND side = ? LIMIT 1", whose)
    if ready.fetchone():
        clock.tx.execute("UPDATE tenants SET turn = ? WHERE tenant = ? AND side = ?", (taker.turn, *whose))
    else:
        clock.tx.execute("DELETE FROM tenants WHERE tenant = ? AND side = ?", whose)
