"""Slots: how many turns are handled at a time, and when lanes are leased ahead."""

from __future__ import annotations

import asyncio

import pytest

from auzap.worker.slots import Slot, Slots

SHOP, SALON = "shop", "salon"


async def brisk(slots: Slots, turns: int = 40, *, seconds: float = 0.001) -> None:
    for _ in range(turns):
        assert await slots.take(SHOP)
        slots.give_back(SHOP, seconds)


async def waiting(slots: Slots) -> asyncio.Task[bool]:
    task = asyncio.ensure_future(slots.take(SHOP))
    await asyncio.sleep(0)
    assert not task.done()
    return task


async def test_whoever_waits_longest_has_the_next_one() -> None:
    slots = Slots(1)
    assert await slots.take(SHOP)
    first, second = await waiting(slots), await waiting(slots)
    slots.give_back(SHOP, 0)
    assert await first
    assert not second.done()
    slots.give_back(SHOP, 0)
    assert await second


async def test_who_waits_too_long_is_told_so() -> None:
    slots = Slots(1)
    assert await slots.take(SHOP)
    assert not await slots.take(SHOP)
    slots.give_back(SHOP, 0)
    assert await slots.take(SHOP)


async def test_once_closed_nobody_is_let_in_who_would_have_to_wait() -> None:
    slots = Slots(1)
    assert await slots.take(SHOP)
    late = await waiting(slots)
    slots.close()
    assert not await late
    assert not await slots.take(SHOP)
    slots.give_back(SHOP, 0)
    assert await slots.take(SHOP)


async def test_one_that_is_cancelled_takes_none_with_it() -> None:
    slots = Slots(1)
    assert await slots.take(SHOP)
    cancelled = await waiting(slots)
    cancelled.cancel()
    await asyncio.wait([cancelled])
    granted = await waiting(slots)
    slots.give_back(SHOP, 0)
    granted.cancel()  # after it was granted, before it knows
    await asyncio.wait([granted])
    assert await slots.take(SHOP)
    assert not await slots.take(SHOP)


async def test_lanes_are_leased_ahead_only_while_turns_are_brisk() -> None:
    slots = Slots(5)
    assert (slots.lanes, slots.lot) == (5, 1)
    await brisk(slots)
    assert (slots.lanes, slots.lot) == (105, 25)
    await brisk(slots, 3, seconds=1)
    assert slots.lanes == 5
    await brisk(slots, 100)
    assert slots.lanes == 105


async def test_no_more_are_leased_ahead_than_get_a_slot_soon() -> None:
    slots = Slots(5)
    await brisk(slots, 200, seconds=0.01)
    assert slots.lanes == pytest.approx(5 + 50, abs=1)


async def test_none_is_leased_ahead_for_a_tenant_whose_turns_are_slow() -> None:
    slots = Slots(4, shared=True)
    assert await slots.take(SHOP)
    assert await slots.take(SHOP)
    assert slots.refused(10) == {}
    assert not await slots.take(SHOP), "in time"
    assert slots.refused(10) == {SHOP: 8}
    slots.give_back(SHOP, 1)
    assert slots.refused(10) == {SHOP: 8}
    slots.give_back(SHOP, 0.05)
    assert slots.refused(10) == {SHOP: 8}
    await brisk(slots, 1)
    assert slots.refused(10) == {}
    assert await slots.take(SALON)
    slots.give_back(SALON, 1)
    assert slots.refused(10) == {SALON: 8}, "though none of its lanes is in hand"
    assert slots.refused(1) == {SALON: 0}


async def test_of_thousands_of_slow_tenants_the_last_hundred_are_known() -> None:
    slots = Slots(4, shared=True)
    for number in range(1000):
        assert await slots.take(f"shop{number}")
        slots.give_back(f"shop{number}", 1)
    assert list(slots.refused(10)) == [f"shop{number}" for number in range(900, 1000)]


async def test_many_slots_lease_no_more_than_some_ahead() -> None:
    slots = Slots(50)
    await brisk(slots)
    assert slots.lanes == 150


async def test_a_slot_is_taken_and_given_back_once() -> None:
    slots = Slots(1)
    mine, other = Slot(slots, SHOP), Slot(slots, SHOP)
    assert await mine.take()
    assert await mine.take()
    mine.give_back()
    mine.give_back()
    assert await other.take()
    assert not await mine.take()


async def test_of_several_tenants_none_has_more_than_half() -> None:
    slots = Slots(4, shared=True)
    assert await slots.take(SHOP)
    assert await slots.take(SHOP)
    third = await waiting(slots)
    assert await slots.take(SALON)
    slots.give_back(SALON, 0)
    assert not third.done()
    slots.give_back(SHOP, 0)
    assert await third


async def test_a_single_slot_is_shared_in_turn() -> None:
    slots = Slots(1, shared=True)
    assert await slots.take(SHOP)
    other = asyncio.ensure_future(slots.take(SALON))
    await asyncio.sleep(0)
    slots.give_back(SHOP, 0)
    assert await other
