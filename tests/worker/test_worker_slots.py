"""Slots: how many turns are handled at a time, and when lanes are leased ahead."""

from __future__ import annotations

import asyncio

from auzap.worker.slots import Slot, Slots


async def brisk(slots: Slots, turns: int = 40, *, seconds: float = 0.001) -> None:
    for _ in range(turns):
        assert await slots.take()
        slots.give_back(seconds)


async def waiting(slots: Slots) -> asyncio.Task[bool]:
    task = asyncio.ensure_future(slots.take())
    await asyncio.sleep(0)
    assert not task.done()
    return task


async def test_whoever_waits_longest_has_the_next_one() -> None:
    slots = Slots(1)
    assert await slots.take()
    first, second = await waiting(slots), await waiting(slots)
    slots.give_back(0)
    assert await first
    assert not second.done()
    slots.give_back(0)
    assert await second


async def test_who_waits_too_long_is_told_so() -> None:
    slots = Slots(1)
    assert await slots.take()
    assert not await slots.take()
    slots.give_back(0)
    assert await slots.take()


async def test_once_closed_nobody_is_let_in_who_would_have_to_wait() -> None:
    slots = Slots(1)
    assert await slots.take()
    late = await waiting(slots)
    slots.close()
    assert not await late
    assert not await slots.take()
    slots.give_back(0)
    assert await slots.take()


async def test_one_that_is_cancelled_takes_none_with_it() -> None:
    slots = Slots(1)
    assert await slots.take()
    cancelled = await waiting(slots)
    cancelled.cancel()
    await asyncio.wait([cancelled])
    granted = await waiting(slots)
    slots.give_back(0)
    granted.cancel()  # after it was granted, before it knows
    await asyncio.wait([granted])
    assert await slots.take()
    assert not await slots.take()


async def test_lanes_are_leased_ahead_only_while_turns_are_brisk() -> None:
    slots = Slots(5)
    assert slots.lanes == 5
    await brisk(slots)
    assert slots.lanes == 20
    await brisk(slots, 3, seconds=1)
    assert slots.lanes == 5
    await brisk(slots, 100)
    assert slots.lanes == 20


async def test_many_slots_lease_no_more_than_some_ahead() -> None:
    slots = Slots(50)
    await brisk(slots)
    assert slots.lanes == 82


async def test_a_slot_is_taken_and_given_back_once() -> None:
    slots = Slots(1)
    mine, other = Slot(slots), Slot(slots)
    assert await mine.take()
    assert await mine.take()
    mine.give_back()
    mine.give_back()
    assert await other.take()
    assert not await mine.take()
