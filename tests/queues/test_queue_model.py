"""Lanes against a model: whatever is done in whatever order, nothing is lost, doubled or out of order."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from collections.abc import Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from auzap.contract.queue import Burial, Envelope, Lease, Stats
from auzap.model.errors import LeaseLost
from tests.support.queues import BACKENDS, an_envelope, lane_of, take

T = TypeVar("T")
CHATS = ("ana", "bia", "caio", "duda")
BURIAL = Burial(stage="handle", reason="raised")


class Lanes(RuleBasedStateMachine):
    """Each lane's envelopes in order, how many at its head are leased, and whether it is deferred."""

    backend: str

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.runner = asyncio.Runner()
        self.queue = BACKENDS[self.backend](self.folder)
        self.run(self.queue.__aenter__())
        self.lanes: dict[str, list[Envelope]] = {lane_of(chat): [] for chat in CHATS}
        self.leases: dict[str, Lease] = {}
        self.leased: dict[str, int] = {}
        self.deferred: set[str] = set()
        self.dead: list[Envelope] = []
        self.lost: list[Lease] = []
        self.token = 0

    def run(self, call: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(call)

    def teardown(self) -> None:
        """All that was put and not settled comes out, in order."""
        self.wake()
        self.blame(None)
        while any(self.lanes.values()):
            self.lease(len(CHATS))
            for lane in list(self.leases):
                self.settle(lane, 0, 20, bury=False)
        self.run(self.queue.__aexit__(None, None, None))
        self.runner.close()
        shutil.rmtree(self.folder)

    def ready(self) -> list[str]:
        return [lane for lane, line in self.lanes.items() if line and lane not in {*self.leases, *self.deferred}]

    def let_go(self, lane: str) -> Lease:
        del self.leased[lane]
        self.lost.append(lease := self.leases.pop(lane))
        return lease

    # ------------------------------------------------------------------ what is done

    @rule(chat=st.sampled_from(CHATS), count=st.integers(1, 30), again=st.booleans())
    def put(self, chat: str, count: int, again: bool) -> None:
        new = [an_envelope(chat, number) for number in range(count)]
        new = [replace(envelope, dedupe=envelope.id) for envelope in new]
        known = [*self.dead, *(envelope for line in self.lanes.values() for envelope in line[:1])]
        twins = [replace(an_envelope(chat), dedupe=envelope.dedupe) for envelope in known if again]
        accepted = self.run(self.queue.put([*twins, *new]))
        assert accepted == [False] * len(twins) + [True] * len(new)
        self.lanes[lane_of(chat)] += new

    @rule(count=st.integers(1, len(CHATS)))
    def lease(self, count: int) -> None:
        ready = self.ready()
        leases = self.run(take(self.queue, count))
        assert len(leases) == min(count, len(ready))
        assert {lease.lane for lease in leases} <= set(ready)
        for lease in leases:
            assert lease.token > self.token
            assert list(lease.envelopes) == self.lanes[lease.lane][:20]
            self.token = lease.token
            self.leases[lease.lane] = lease
            self.leased[lease.lane] = len(lease.envelopes)

    @precondition(lambda self: self.leases)
    @rule(data=st.data(), start=st.integers(0, 3), count=st.integers(1, 20), bury=st.booleans())
    def settle_some(self, data: st.DataObject, start: int, count: int, bury: bool) -> None:
        self.settle(data.draw(st.sampled_from(sorted(self.leases))), start, count, bury=bury)

    def settle(self, lane: str, start: int, count: int, *, bury: bool) -> None:
        lease, line = self.leases[lane], self.lanes[lane]
        settled = line[: self.leased[lane]][start : start + count]
        ids = [envelope.id for envelope in settled]
        self.run(self.queue.bury(lease, ids, BURIAL) if bury else self.queue.ack(lease, ids))
        self.dead += settled if bury else []
        line[:] = [envelope for envelope in line if envelope not in settled]
        self.leased[lane] -= len(settled)
        if not self.leased[lane]:
            self.let_go(lane)

    @precondition(lambda self: self.leases)
    @rule(data=st.data(), attempt=st.booleans())
    def retry(self, data: st.DataObject, attempt: bool) -> None:
        lane = data.draw(st.sampled_from(sorted(self.leases)))
        line = self.lanes[lane]
        self.run(self.queue.retry(self.let_go(lane), [line[0].id], delay=0, attempt=attempt))
        line[0] = replace(line[0], attempts=line[0].attempts + attempt)

    @precondition(lambda self: self.leases)
    @rule(data=st.data(), later=st.booleans())
    def defer(self, data: st.DataObject, later: bool) -> None:
        lane = data.draw(st.sampled_from(sorted(self.leases)))
        self.run(self.queue.defer(self.let_go(lane), time.time() + 600 if later else 0))
        if later:
            self.deferred.add(lane)

    @rule()
    def wake(self) -> None:
        self.run(self.queue.wake("shop", "main"))
        self.deferred.clear()

    @precondition(lambda self: self.leases)
    @rule(data=st.data())
    def blame_one(self, data: st.DataObject) -> None:
        self.blame(data.draw(st.sampled_from(sorted(self.leases))))

    def blame(self, lane: str | None) -> None:
        self.queue.blame("worker", None if lane is None else self.lanes[lane][0].id)
        if lane is not None:
            line = self.lanes[lane]
            line[0] = replace(line[0], lost_leases=line[0].lost_leases + 1)
        for held in list(self.leases):
            self.let_go(held)

    @precondition(lambda self: self.lost)
    @rule(data=st.data())
    def act_under_a_lost_lease(self, data: st.DataObject) -> None:
        lease = data.draw(st.sampled_from(self.lost))
        with pytest.raises(LeaseLost):
            self.run(self.queue.ack(lease, [envelope.id for envelope in lease.envelopes]))
        assert self.run(self.queue.renew([lease, *self.leases.values()], duration=30)) == {lease.lane}

    @precondition(lambda self: self.dead)
    @rule(count=st.integers(1, 3))
    def revive(self, count: int) -> None:
        back, self.dead = self.dead[:count], self.dead[count:]
        assert self.run(self.queue.revive([envelope.id for envelope in back])) == len(back)
        for envelope in back:
            afresh = replace(envelope, attempts=0, lost_leases=0, revived=envelope.revived + 1)
            self.lanes[envelope.lane].append(afresh)

    @precondition(lambda self: self.dead)
    @rule(count=st.integers(1, 3))
    def purge(self, count: int) -> None:
        gone, self.dead = self.dead[:count], self.dead[count:]
        assert self.run(self.queue.purge(ids=[envelope.id for envelope in gone])) == len(gone)

    # ------------------------------------------------------------------ what always holds

    @invariant()
    def everything_is_counted(self) -> None:
        leased = sum(self.leased.values())
        held = sum(len(line) for line in self.lanes.values())
        stats = self.run(self.queue.stats())
        assert stats == Stats(waiting=held - leased, delayed=0, leased=leased, dead=len(self.dead))


@pytest.mark.parametrize("name", sorted(BACKENDS))
def test_lanes_do_what_the_model_does(name: str) -> None:
    class OfBackend(Lanes):
        backend = name

    run_state_machine_as_test(
        OfBackend, settings=settings(max_examples=30, stateful_step_count=30, deadline=None, database=None)
    )
