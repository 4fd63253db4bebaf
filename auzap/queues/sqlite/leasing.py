"""Handing out lanes: tenants in turn, a tenant's lanes in the order in which they got ready."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest

from auzap.contract.queue import Envelope, Lease
from auzap.queues.sqlite.clock import Clock
from auzap.queues.sqlite.lanes import next_due, promote
from auzap.queues.sqlite.rows import COLUMNS, envelope_of, plain, stored

__all__ = ["Taken", "Wanted", "lease"]

#: envelopes in one lease
_MOST = 20
#: characters of payload in one lease, unless its first envelope alone has more
_LONG = 1_000_000

_ENVELOPES = (
    f"SELECT pos, {COLUMNS} FROM envelopes"  # noqa: S608
    f" WHERE lane = ? AND state = 'waiting' ORDER BY pos LIMIT {_MOST}"
)


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
    #: when to look again, if there was nothing
    due: float | None


def lease(tx: sqlite3.Connection, wanted: Sequence[Wanted]) -> list[Taken]:
    with Clock(tx) as clock:
        promote(clock)
        leases = [_lease(clock, want) for want in wanted]
        due = None if all(leases) else next_due(clock)
        return [Taken(got, due) for got in leases]


def _lease(clock: Clock, want: Wanted) -> list[Lease]:
    takers = _takers(clock, want)
    _share_out(clock, takers, want.lanes)
    leases = []
    for taker, lane in _in_turn(takers):
        taker.turn = clock.tick()
        leases.append(_hand_out(clock, lane, taker.turn, want))
    for taker in takers:
        _next_turn(clock, taker)
    return leases


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
    found = clock.tx.execute(
        "SELECT lane, place FROM lanes WHERE state = 'ready' AND tenant = ? AND side = ? AND place > ?"
        " ORDER BY place LIMIT ?",
        (taker.tenant, taker.side, taker.place, most),
    ).fetchall()
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


def _hand_out(clock: Clock, lane: str, token: int, want: Wanted) -> Lease:
    upto, envelopes = _envelopes(clock, lane)
    clock.tx.execute(
        "UPDATE lanes SET state = 'leased', place = NULL, due = ?, token = ?, worker = ?, upto = ? WHERE lane = ?",
        (clock.now + want.duration, token, stored(want.worker), upto, lane),
    )
    return Lease(plain(lane), envelopes[0].tenant, token, tuple(envelopes))


def _envelopes(clock: Clock, lane: str) -> tuple[int, list[Envelope]]:
    """The lane's first ones, and the position of the last of them."""
    upto = length = 0
    envelopes: list[Envelope] = []
    for pos, *row in clock.tx.execute(_ENVELOPES, (lane,)):
        length += len(row[-1])
        if envelopes and length > _LONG:
            break
        upto = pos
        envelopes.append(envelope_of(row))
    return upto, envelopes


def _next_turn(clock: Clock, taker: _Taker) -> None:
    """It goes behind the others, or away if it has no lane ready any more."""
    whose = (taker.tenant, taker.side)
    ready = clock.tx.execute("SELECT 1 FROM lanes WHERE state = 'ready' AND tenant = ? AND side = ? LIMIT 1", whose)
    if ready.fetchone():
        clock.tx.execute("UPDATE tenants SET turn = ? WHERE tenant = ? AND side = ?", (taker.turn, *whose))
    else:
        clock.tx.execute("DELETE FROM tenants WHERE tenant = ? AND side = ?", whose)
