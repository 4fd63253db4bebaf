"""What every queue backend promises, sentence by sentence of ``auzap.contract.queue``."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from itertools import pairwise
from statistics import median
from typing import Any

import anyio
import pytest

from auzap.contract.queue import Burial, Envelope, Lease, Queue, Share, Stats
from auzap.model.errors import BadPayload, LeaseLost
from auzap.model.nesting import DEEPEST
from tests.support.queues import Place, an_envelope, an_event, lane_of, numbers, one, several, take

BURIAL = Burial(stage="handle", reason="raised", plugin="faq", message_id="ID1", attempts=3)


def ids(lease: Lease) -> list[str]:
    return [envelope.id for envelope in lease.envelopes]


# ---------------------------------------------------------------------- put


async def test_an_envelope_comes_back_as_it_was_put(queue: Queue) -> None:
    put = an_envelope(
        payload={"key": {"id": "A"}, "n": [1, 2.5, None, True]},
        dedupe="d" * 32,
        kind="outbound",
        version=2,
        not_before=time.time() - 1,
        attempts=1,
        lost_leases=2,
        revived=3,
    )

    assert await queue.put([put]) == [True]
    lease = await one(queue)

    assert lease.envelopes == (put,)
    assert (lease.lane, lease.tenant) == (put.lane, put.tenant)


def nested(depth: int) -> Any:
    value: Any = "core"
    for level in range(depth):
        value = [value] if level % 2 else {"a": value}
    return value


@pytest.mark.parametrize(
    "payload",
    [
        None,
        "",
        "\ud83d alone, \x00 and \\ud83d",
        {"\udc00\x00": "á 👋 \u2028"},
        [float(2**60), -(2**70), 1e-300],
        "x" * 3_000_000,
    ],
    ids=["null", "empty", "surrogate", "key", "numbers", "long"],
)
async def test_any_json_value_is_a_payload(queue: Queue, payload: Any) -> None:
    await queue.put([an_envelope(payload=payload), an_envelope(payload=payload)])

    lease = await one(queue)
    await queue.bury(lease, [lease.envelopes[0].id], BURIAL)
    (letter,) = await queue.dead()

    assert lease.envelopes[0].payload == payload
    assert letter.payload == payload


async def test_a_deeply_nested_payload_survives(queue: Queue) -> None:
    """Also where whoever leases stands deeper in calls than whoever put it."""
    await queue.put([an_envelope(payload=nested(DEEPEST))])

    async def deeper(calls: int) -> Lease:
        return await deeper(calls - 1) if calls else await one(queue)

    value, depth = (await deeper(20)).envelopes[0].payload, 0
    while value != "core":
        value, depth = next(iter(value.values() if isinstance(value, dict) else value)), depth + 1
    assert depth == DEEPEST


async def test_what_could_not_be_read_again_is_refused(queue: Queue) -> None:
    with pytest.raises(BadPayload, match="nested deeper than 900 levels"):
        await queue.put([an_envelope("bia"), an_envelope(payload=nested(DEEPEST + 1))])
    assert await take(queue) == []
    await queue.put([an_envelope(payload=["{" * 5000, *([] for _ in range(2000))])])
    assert (await one(queue)).envelopes[0].payload[0] == "{" * 5000


async def test_a_chats_address_may_hold_anything(queue: Queue) -> None:
    chats = ["\ud83d", "\\ud83d", "a\x00b", "a\\b", "é 👋", "a\nb", ""]
    await queue.put([an_envelope(chat, number) for number, chat in enumerate(chats)])

    leases = await take(queue)

    assert [(lease.lane, numbers(lease)) for lease in leases] == [
        (lane_of(chat), [number]) for number, chat in enumerate(chats)
    ]
    for lease in leases:
        assert await queue.renew([lease], duration=30) == set()
        await queue.bury(lease, ids(lease), Burial(stage="handle", reason="bad \udc00", message_id="\ud83d\x00"))
    letters = await queue.dead()
    assert [letter.lane for letter in letters] == [lane_of(chat) for chat in chats]
    assert (letters[0].reason, letters[0].message_id) == ("bad \udc00", "\ud83d\x00")


async def test_what_put_returned_for_survives_kill_9(place: Place) -> None:
    async with place.process("put-and-die", 500) as process:
        assert await process.wait() == -9

    async with place.open() as queue:
        assert (await queue.stats()).waiting == 500
        assert numbers(await one(queue)) == list(range(20))


async def test_put_stores_all_or_none(queue: Queue) -> None:
    with pytest.raises(TypeError):
        await queue.put([an_envelope("ana"), an_envelope("bia", payload=object())])

    assert await queue.put([]) == []
    assert await queue.stats() == Stats(0, 0, 0, 0)


async def bury_it(queue: Queue, lease: Lease) -> None:
    await queue.bury(lease, ids(lease), BURIAL)


async def retry_it(queue: Queue, lease: Lease) -> None:
    await queue.retry(lease, ids(lease), delay=60, attempt=True)


async def keep_it(queue: Queue, lease: Lease) -> None:
    pass


@pytest.mark.parametrize("then", [None, keep_it, retry_it, bury_it], ids=["waiting", "leased", "retrying", "dead"])
async def test_a_key_is_held_once(queue: Queue, then: Callable[[Queue, Lease], Awaitable[None]] | None) -> None:
    assert await queue.put([an_envelope(dedupe="k")]) == [True]
    if then is not None:
        await then(queue, await one(queue))

    assert await queue.put([an_envelope("bia", dedupe="k"), an_envelope("caio", dedupe="l")]) == [False, True]
    stats = await queue.stats()
    assert stats.waiting + stats.delayed + stats.leased + stats.dead == 2


async def test_a_delayed_envelope_holds_its_key(queue: Queue) -> None:
    assert await queue.put([an_envelope(dedupe="k", not_before=time.time() + 60)]) == [True]
    assert await queue.put([an_envelope(dedupe="k")]) == [False]


async def test_duplicates_in_one_put_are_told(queue: Queue) -> None:
    put = [an_envelope("ana", dedupe="k"), an_envelope("bia", dedupe="k"), an_envelope("caio"), an_envelope("duda")]

    assert await queue.put(put) == [True, False, True, True]
    assert [lease.lane for lease in await take(queue)] == [lane_of("ana"), lane_of("caio"), lane_of("duda")]


async def test_a_key_is_free_again_when_its_envelope_is_done(queue: Queue) -> None:
    await queue.put([an_envelope(dedupe="k")])
    lease = await one(queue)
    await queue.ack(lease, ids(lease))

    assert await queue.put([an_envelope(dedupe="k")]) == [True]


async def test_a_put_that_is_repeated_does_no_harm(queue: Queue) -> None:
    put = several("ana", 3)
    await queue.put(put)
    await queue.put(put)

    assert ids(await one(queue)) == [envelope.id for envelope in put]


# ---------------------------------------------------------------------- lanes and leases


async def test_a_lane_keeps_the_order_of_its_envelopes(queue: Queue) -> None:
    for start in range(0, 30, 3):
        await queue.put([an_envelope(chat, number) for number in range(start, start + 3) for chat in ("ana", "bia")])

    for expected in (range(20), range(20, 30)):
        leases = await take(queue)
        assert {lease.lane: numbers(lease) for lease in leases} == {
            lane_of("ana"): list(expected),
            lane_of("bia"): list(expected),
        }
        for lease in leases:
            await queue.ack(lease, ids(lease))
    assert await take(queue) == []


async def test_a_lane_has_one_lease_at_a_time(queue: Queue) -> None:
    await queue.put(several("ana", 25))
    first = await one(queue)
    await queue.put([an_envelope("ana", 25)])

    assert await take(queue) == []
    await queue.ack(first, ids(first))
    assert numbers(await one(queue)) == [20, 21, 22, 23, 24, 25]


async def test_a_lane_goes_back_when_none_of_the_lease_is_left(queue: Queue) -> None:
    await queue.put(several("ana", 22))
    lease = await one(queue)

    await queue.ack(lease, ids(lease)[:5])
    await queue.bury(lease, ids(lease)[5:19], BURIAL)
    assert await take(queue) == []
    await queue.ack(lease, ids(lease)[19:])

    assert numbers(await one(queue)) == [20, 21]


async def test_no_more_lanes_than_wanted(queue: Queue) -> None:
    await queue.put([an_envelope(chat) for chat in "abcde"])

    assert [lease.lane for lease in await take(queue, 3)] == [lane_of(chat) for chat in "abc"]
    assert [lease.lane for lease in await take(queue, 3)] == [lane_of(chat) for chat in "de"]
    assert await take(queue, 0, wait=5) == []


async def test_lanes_of_a_tenant_come_in_the_order_in_which_they_got_ready(queue: Queue) -> None:
    await queue.put([*several("ana", 25), *several("bia", 1), an_envelope("ana", 25), an_envelope("caio")])
    (ana,) = await take(queue, 1)
    await queue.ack(ana, ids(ana))  # there is more: to the tail

    assert [lease.lane for lease in await take(queue)] == [lane_of("bia"), lane_of("caio"), lane_of("ana")]


async def test_tokens_grow_with_every_lease_of_a_lane(place: Place) -> None:
    tokens = []
    for _ in range(3):
        async with place.open() as queue:
            await queue.put([an_envelope()])
            for _ in range(2):
                lease = await one(queue)
                tokens.append(lease.token)
                await queue.defer(lease, 0)
            await queue.ack(lease := await one(queue), ids(lease))
            tokens.append(lease.token)

    assert tokens == sorted(set(tokens))


# ---------------------------------------------------------------------- tenants


async def test_tenants_take_turns(queue: Queue) -> None:
    for tenant, count in (("big", 6), ("small", 1), ("mid", 3)):
        await queue.put([an_envelope(f"{number}", tenant=tenant) for number in range(count)])

    order = [lease.tenant for _ in range(10) for lease in await take(queue, 1)]

    assert order == ["big", "small", "mid", "big", "mid", "big", "mid", "big", "big", "big"]


async def test_tenants_take_turns_within_a_lease_call(queue: Queue) -> None:
    for tenant, count in (("big", 6), ("small", 1), ("mid", 3)):
        await queue.put([an_envelope(f"{number}", tenant=tenant) for number in range(count)])

    assert [lease.tenant for lease in await take(queue, 5)] == ["big", "small", "mid", "big", "mid"]
    assert [lease.tenant for lease in await take(queue, 9)] == ["big", "mid", "big", "big", "big"]


async def test_a_tenant_that_comes_later_waits_one_turn_at_the_most(queue: Queue) -> None:
    await queue.put([an_envelope(f"{number}", tenant=tenant) for number in range(9) for tenant in ("a", "b")])
    await take(queue, 3)
    await queue.put([an_envelope(tenant="c")])

    assert [lease.tenant for lease in await take(queue, 4)] == ["b", "a", "c", "b"]


async def test_lanes_of_events_are_apart(queue: Queue) -> None:
    event = an_envelope("ana~events", kind="event")
    await queue.put([an_envelope("ana"), event])

    [lane] = await take(queue)
    [side] = await queue.lease("worker", lanes=9, duration=30, wait=0, side=True)
    assert (lane.lane, side.lane) == (lane_of("ana"), lane_of("ana~events"))
    await queue.put([an_envelope("ana~events", kind="event", not_before=time.time() + 0.05)])
    await queue.ack(side, [event.id])
    [later] = await queue.lease("worker", lanes=9, duration=30, wait=5, side=True)
    await queue.defer(later, 0)
    assert await take(queue) == [], "it is still a lane of events when it comes back"


async def test_a_tenant_gets_no_more_than_its_share(queue: Queue) -> None:
    await queue.put([an_envelope(f"{number}", tenant="big") for number in range(9)])
    await queue.put([an_envelope(f"{number}", tenant="small") for number in range(2)])

    async def got(share: Share | None) -> Counter[str]:
        leases = await queue.lease("worker", lanes=6, duration=30, wait=0, share=share)
        return Counter(lease.tenant for lease in leases)

    assert await got(Share(3)) == {"big": 3, "small": 2}
    assert await got(Share(3, {"big": 3, "small": 2})) == {}
    assert await got(Share(4, {"big": 3})) == {"big": 1}
    assert await got(Share(3, {"big": 5})) == {}
    assert await got(Share(None, {"big": 5})) == {"big": 5}


async def test_a_tenant_at_its_share_leaves_its_turn_to_the_others(queue: Queue) -> None:
    await queue.put([an_envelope(f"{number}", tenant=tenant) for tenant in "abc" for number in range(3)])

    leases = await queue.lease("worker", lanes=4, duration=30, wait=0, share=Share(2, {"a": 2, "c": 1}))

    assert [lease.tenant for lease in leases] == ["b", "c", "b"]


# ---------------------------------------------------------------------- lanes of events


async def test_lanes_of_events_are_leased_apart(queue: Queue) -> None:
    await queue.put([an_envelope("ana"), an_event("ana"), an_event("bia"), an_event("bia", 1), an_envelope("caio")])

    assert [lease.lane for lease in await take(queue)] == [lane_of("ana"), lane_of("caio")]
    events = await take(queue, side=True)
    assert [(lease.lane, numbers(lease)) for lease in events] == [
        (lane_of("ana", side=True), [0]),
        (lane_of("bia", side=True), [0, 1]),
    ]


async def test_a_lane_of_events_stays_one(queue: Queue) -> None:
    """However it gets ready again."""

    async def event(wait: float = 0) -> Lease:
        assert await take(queue) == []
        return await one(queue, side=True, wait=wait)

    await queue.put([an_event(not_before=time.time() + 0.05)])
    await queue.defer(await event(wait=2), 0)
    await queue.defer(await event(), time.time() + 60)
    await queue.wake("shop", "main")
    lease = await event()
    await queue.retry(lease, ids(lease), delay=0, attempt=True)
    assert (await one(queue, side=True, duration=0.05)).lane == lane_of("ana", side=True)
    await event(wait=2)
    queue.blame("worker", None)
    lease = await event()
    await queue.bury(lease, ids(lease), BURIAL)
    await queue.revive(ids(lease))
    assert (await event()).envelopes[0].revived == 1


async def test_tenants_take_turns_on_each_side(queue: Queue) -> None:
    for tenant in ("a", "b"):
        await queue.put([an_envelope(f"{number}", tenant=tenant) for number in range(3)])
        await queue.put([an_event(f"{number}", tenant=tenant) for number in range(2)])

    order = [lease.tenant for side in (False, True) * 4 for lease in await take(queue, 1, side=side)]

    assert order == ["a", "a", "b", "b", "a", "a", "b", "b"]


async def test_who_waits_for_one_side_is_not_held_up_by_the_other(queue: Queue) -> None:
    message, event = await started(queue), await started(queue, side=True)
    await queue.put([an_event()])
    assert (await asyncio.wait_for(event, 5)).lane == lane_of("ana", side=True)
    assert not message.done()

    await queue.put([an_envelope()])
    assert (await asyncio.wait_for(message, 5)).lane == lane_of("ana")


# ---------------------------------------------------------------------- fencing


Call = Callable[[Queue, Lease], Awaitable[None]]
CALLS: dict[str, Call] = {
    "ack": lambda queue, lease: queue.ack(lease, ids(lease)),
    "bury": lambda queue, lease: queue.bury(lease, ids(lease), BURIAL),
    "retry": lambda queue, lease: queue.retry(lease, ids(lease), delay=0, attempt=True),
    "defer": lambda queue, lease: queue.defer(lease, 0),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
async def test_under_a_lost_lease_nothing_is_changed(queue: Queue, call: Call) -> None:
    await queue.put(several("ana", 2))
    old = await one(queue)
    await queue.defer(old, 0)

    with pytest.raises(LeaseLost):  # nobody has the lane
        await call(queue, old)
    new = await one(queue)
    assert (new.token > old.token, new.envelopes) == (True, old.envelopes)
    with pytest.raises(LeaseLost):  # another one has it
        await call(queue, old)
    assert await queue.renew([old, new], duration=30) == {lane_of("ana")}
    assert await queue.stats() == Stats(waiting=0, delayed=0, leased=2, dead=0)

    await queue.ack(new, ids(new))
    with pytest.raises(LeaseLost):  # the lane is gone
        await call(queue, new)


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
async def test_a_lease_is_lost_when_its_time_is_over(queue: Queue, call: Call) -> None:
    await queue.put([an_envelope()])
    lease = await one(queue, duration=0.05)
    await anyio.sleep(0.08)

    assert await queue.renew([lease], duration=30) == {lease.lane}
    with pytest.raises(LeaseLost):
        await call(queue, lease)
    assert await queue.stats() == Stats(waiting=1, delayed=0, leased=0, dead=0)


async def test_envelopes_beyond_the_lease_are_not_touched(queue: Queue) -> None:
    put = several("ana", 22)
    await queue.put([*put, other := an_envelope("bia")])
    lease, _ = await take(queue)
    strange = [put[20].id, put[21].id, other.id, "unknown"]

    await queue.ack(lease, strange)
    await queue.bury(lease, strange, BURIAL)
    await queue.retry(lease, [*strange, put[0].id], delay=0, attempt=True)

    assert await queue.stats() == Stats(waiting=22, delayed=0, leased=1, dead=0)
    lease = await one(queue)
    assert [envelope.attempts for envelope in lease.envelopes] == [1] + [0] * 19
    await queue.ack(lease, ids(lease))
    assert (await one(queue)).envelopes == tuple(put[20:])


# ---------------------------------------------------------------------- renewal and lost leases


async def test_a_renewed_lease_stays(queue: Queue) -> None:
    await queue.put([an_envelope("ana"), an_envelope("bia")])
    ana, bia = await take(queue, duration=0.5)
    assert await queue.renew([ana], duration=30) == set()
    assert await queue.renew([], duration=30) == set()
    await anyio.sleep(0.55)

    assert [lease.lane for lease in await take(queue)] == [bia.lane]
    assert await queue.renew([ana, bia], duration=30) == {bia.lane}
    await queue.ack(ana, ids(ana))


async def test_a_lost_lease_is_counted_on_its_first_envelope(queue: Queue) -> None:
    await queue.put(several("ana", 3))

    for expected in ([0, 0, 0], [1, 0, 0]):
        lease = await one(queue, duration=0.05, wait=2)
        assert numbers(lease) == [0, 1, 2]
        assert [envelope.lost_leases for envelope in lease.envelopes] == expected
    lease = await one(queue, duration=0.2, wait=2)
    await queue.ack(lease, ids(lease)[:1])

    lease = await one(queue, wait=2)
    assert [(envelope.payload, envelope.lost_leases, envelope.attempts) for envelope in lease.envelopes] == [
        (1, 1, 0),
        (2, 0, 0),
    ]


async def test_a_killed_worker_loses_its_leases(place: Place, queue: Queue) -> None:
    await queue.put([an_envelope("ana"), an_envelope("bia")])
    async with place.process("lease-and-hang", 0.3) as process:
        assert process.stdout
        told = await process.stdout.readline()
        assert told.count(b"shop/main") == 2
        process.kill()

    leases = [lease for _ in range(2) for lease in await take(queue, 1, wait=2)]

    assert [lease.envelopes[0].lost_leases for lease in leases] == [1, 1]


async def test_blame_gives_back_all_and_counts_on_one(queue: Queue) -> None:
    await queue.put([*several("ana", 3), *several("bia", 2), *several("caio", 1)])
    ana, bia = await take(queue, 2, worker="stuck")
    await one(queue, worker="fine")

    await asyncio.to_thread(queue.blame, "stuck", ana.envelopes[1].id)

    leases = await take(queue)
    assert {lease.lane: [envelope.lost_leases for envelope in lease.envelopes] for lease in leases} == {
        ana.lane: [0, 1, 0],
        bia.lane: [0, 0],
    }
    with pytest.raises(LeaseLost):
        await queue.ack(bia, ids(bia))


async def test_blame_counts_nothing_that_the_worker_does_not_hold(queue: Queue) -> None:
    await queue.put([*several("ana", 1), *several("bia", 1)])
    (ana,) = await take(queue, 1, worker="stuck")
    (bia,) = await take(queue, 1, worker="fine")

    for envelope_id in (bia.envelopes[0].id, None, "unknown"):
        queue.blame("stuck", envelope_id)
    await queue.defer(bia, 0)

    leases = await take(queue)
    assert [lease.lane for lease in leases] == [ana.lane, bia.lane]
    assert [lease.envelopes[0].lost_leases for lease in leases] == [0, 0]


async def test_blame_works_while_the_event_loop_is_stuck(queue: Queue) -> None:
    await queue.put([an_envelope("ana")])
    lease = await one(queue, worker="stuck")
    putting = asyncio.ensure_future(queue.put(several("bia", 5000)))
    await asyncio.sleep(0)  # it is on its way to the backend

    thread = threading.Thread(target=queue.blame, args=("stuck", lease.envelopes[0].id))
    thread.start()
    thread.join(10)  # the loop does nothing meanwhile

    assert not thread.is_alive()
    assert all(await putting)
    assert {lease.lane: lease.envelopes[0].lost_leases for lease in await take(queue)} == {
        lane_of("ana"): 1,
        lane_of("bia"): 0,
    }


# ---------------------------------------------------------------------- retry, defer, wake, delay


async def test_a_retry_holds_the_lane_in_order(queue: Queue) -> None:
    await queue.put([*several("ana", 2), an_envelope("bia")])
    ana, _ = await take(queue)
    began = time.monotonic()
    await queue.retry(ana, ids(ana)[:1], delay=0.3, attempt=True)
    await queue.put([an_envelope("ana", 2)])
    await queue.wake("shop", "main")  # is not for those that wait for a retry

    assert await take(queue) == []
    assert await queue.stats() == Stats(waiting=0, delayed=3, leased=1, dead=0)
    again = await one(queue, wait=5)

    assert time.monotonic() - began >= 0.3
    assert [(envelope.payload, envelope.attempts) for envelope in again.envelopes] == [(0, 1), (1, 0), (2, 0)]
    assert [envelope.lost_leases for envelope in again.envelopes] == [0, 0, 0]


async def test_what_is_due_counts_as_waiting_whether_it_was_leased_or_not(queue: Queue) -> None:
    await queue.put([*several("ana", 2), an_envelope("bia", not_before=time.time() + 0.05)])
    lease = await one(queue)
    await queue.retry(lease, ids(lease), delay=0.05, attempt=True)
    await anyio.sleep(0.1)

    assert await queue.stats() == Stats(waiting=3, delayed=0, leased=0, dead=0)


async def test_a_retry_that_is_no_attempt_counts_none(queue: Queue) -> None:
    await queue.put([an_envelope()])
    lease = await one(queue)
    await queue.retry(lease, ids(lease), delay=0, attempt=False)

    assert (await one(queue)).envelopes == lease.envelopes


async def test_a_deferred_lane_comes_back_unharmed(queue: Queue) -> None:
    await queue.put(several("ana", 2))
    lease = await one(queue)
    until = time.time() + 0.3
    await queue.defer(lease, until)
    await queue.put([an_envelope("ana", 2)])  # does not wake it

    assert await take(queue) == []
    assert await queue.stats() == Stats(waiting=3, delayed=0, leased=0, dead=0)
    again = await one(queue, wait=5)

    assert time.time() >= until
    assert again.envelopes[:2] == lease.envelopes


async def test_wake_readies_the_deferred_lanes_of_an_instance(queue: Queue) -> None:
    later = time.time() + 60
    for tenant, instance in (("shop", "main"), ("shop", "two"), ("other", "main")):
        await queue.put([an_envelope(chat, tenant=tenant, instance=instance) for chat in ("ana", "bia")])
    for lease in await take(queue):
        await queue.defer(lease, later)

    await queue.wake("shop", "main")

    assert [lease.lane for lease in await take(queue)] == [lane_of("ana"), lane_of("bia")]


async def test_wake_readies_any_number_of_lanes(queue: Queue) -> None:
    await queue.put([an_envelope(f"{number}") for number in range(1200)])
    leases = await take(queue, 1200)
    await asyncio.gather(*(queue.defer(lease, time.time() + 60) for lease in leases))

    await queue.wake("shop", "main")

    assert len(await take(queue, 2000)) == 1200


async def test_a_delayed_envelope_joins_its_lanes_tail_when_due(queue: Queue) -> None:
    due = time.time() + 0.3
    await queue.put([an_envelope("ana", "late", not_before=due), an_envelope("ana", 0), an_envelope("ana", 1)])
    assert await queue.stats() == Stats(waiting=2, delayed=1, leased=0, dead=0)
    lease = await one(queue)
    assert numbers(lease) == [0, 1]  # it does not hold the lane
    await queue.ack(lease, ids(lease))

    late = await one(queue, wait=5)

    assert (time.time() >= due, numbers(late), late.envelopes[0].not_before) == (True, ["late"], due)


async def test_a_delayed_envelope_stands_before_what_comes_after_it_was_due(queue: Queue) -> None:
    now = time.time()
    await queue.put([an_envelope(number=2, not_before=now + 0.06), an_envelope(number=1, not_before=now + 0.04)])
    await queue.put([an_envelope(number=0)])
    await anyio.sleep(0.1)
    assert (await queue.stats()).waiting == 3
    await queue.put([an_envelope(number=3)])

    assert numbers(await one(queue)) == [0, 1, 2, 3]


async def test_a_lane_with_nothing_but_a_delayed_envelope_waits_for_it(queue: Queue) -> None:
    await queue.put([an_envelope("ana"), an_envelope("ana", "late", not_before=time.time() + 0.2)])
    lease = await one(queue)
    await queue.ack(lease, ids(lease))

    assert numbers(await one(queue, wait=5)) == ["late"]


# ---------------------------------------------------------------------- waiting


async def test_lease_returns_nothing_when_the_time_is_over(queue: Queue) -> None:
    began = time.monotonic()
    assert await take(queue, wait=0.15) == []
    assert 0.15 <= time.monotonic() - began < 2


async def started(queue: Queue, **more: Any) -> asyncio.Task[Lease]:
    """A lease call that waits."""
    waiting = asyncio.ensure_future(one(queue, wait=10, **more))
    await asyncio.sleep(0.015)
    return waiting


async def test_what_this_process_does_wakes_at_once(queue: Queue) -> None:
    times: defaultdict[str, list[float]] = defaultdict(list)

    async def woken(name: str, wakes: Awaitable[object]) -> Lease:
        waiting = await started(queue)
        began = time.monotonic()
        await wakes
        lease = await waiting
        times[name].append(time.monotonic() - began)
        return lease

    for _ in range(5):
        lease = await woken("put", queue.put(several("ana", 21)))
        lease = await woken("ack", queue.ack(lease, ids(lease)))
        lease = await woken("defer", queue.defer(lease, 0))
        lease = await woken("retry", queue.retry(lease, [], delay=0, attempt=False))
        await queue.defer(lease, time.time() + 60)
        lease = await woken("wake", queue.wake("shop", "main"))
        await queue.bury(lease, ids(lease), BURIAL)
        lease = await woken("revive", queue.revive(ids(lease)))
        await queue.ack(lease, ids(lease))

    assert sorted(times) == ["ack", "defer", "put", "retry", "revive", "wake"]
    assert {name: took for name, took in times.items() if min(took) > 0.03} == {}


async def test_what_another_process_puts_wakes_within_100_ms(place: Place, queue: Queue) -> None:
    took = []
    async with place.process("put-when-told") as process:
        assert process.stdin
        assert process.stdout
        await process.stdout.readline()
        for number in range(7):
            waiting = await started(queue)
            process.stdin.write(f"chat{number}\n".encode())
            await waiting
            got = time.time()
            took.append(got - float(await process.stdout.readline()))

    assert median(took) < 0.1


async def test_several_callers_in_one_process_each_get_work(queue: Queue) -> None:
    waiting = [asyncio.ensure_future(take(queue, 1, wait=10)) for _ in range(3)]
    for chat in ("ana", "bia", "caio"):
        await anyio.sleep(0.02)
        await queue.put([an_envelope(chat)])

    taken = await asyncio.wait_for(asyncio.gather(*waiting), 5)

    assert {lease.lane for leases in taken for lease in leases} == {lane_of("ana"), lane_of("bia"), lane_of("caio")}


async def test_a_caller_waits_until_its_share_is_free(queue: Queue) -> None:
    held = {"shop": 1}
    await queue.put([an_envelope("ana"), an_envelope("bia")])
    (ana,) = await take(queue, 1)
    waiting = asyncio.ensure_future(queue.lease("worker", lanes=1, duration=30, wait=10, share=Share(1, held)))
    await anyio.sleep(0.05)
    assert not waiting.done()

    held.clear()
    await queue.ack(ana, ids(ana))

    (bia,) = await asyncio.wait_for(waiting, 5)
    assert bia.lane == lane_of("bia")


async def test_a_cancelled_lease_has_taken_nothing(queue: Queue) -> None:
    for number in range(30):
        await queue.put([an_envelope()])
        leasing = asyncio.ensure_future(take(queue))
        for _ in range(number % 6):
            await asyncio.sleep(0)
        await asyncio.sleep(number / 30 * 0.001)
        if not leasing.cancel():
            await queue.defer((await leasing)[0], 0)
        await asyncio.gather(leasing, return_exceptions=True)
        lease = await one(queue, wait=2)
        assert lease.envelopes[0].lost_leases == 0
        await queue.ack(lease, ids(lease))


async def test_a_lease_cancelled_at_the_end_comes_back_before_the_queue_is_closed(place: Place) -> None:
    async with place.open() as queue:
        await queue.put([an_envelope()])
        leasing = asyncio.ensure_future(take(queue))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        leasing.cancel()
        await asyncio.gather(leasing, return_exceptions=True)
    async with place.open() as queue:
        assert (await one(queue)).envelopes[0].lost_leases == 0


async def test_processes_never_hold_a_lane_together(place: Place, queue: Queue) -> None:
    chats = [f"chat{number}" for number in range(40)]
    async with AsyncExitStack() as stack:
        working = [await stack.enter_async_context(place.process("work", f"worker{number}")) for number in range(3)]
        for process in working:
            assert process.stdout
            await process.stdout.readline()
        for number in range(0, 75, 3):
            await queue.put([an_envelope(chat, number + more, tenant=chat[-1]) for chat in chats for more in range(3)])
            await anyio.sleep(0.01)
        printed = [(await process.communicate())[0] for process in working]
    told = [[json.loads(line) for line in lines.splitlines()] for lines in printed]

    by_lane: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for held in (held for process in told for held in process):
        by_lane[held["lane"]].append(held)
    assert len(by_lane) == 40
    assert min(len(process) for process in told) > 0
    for leases in by_lane.values():
        leases.sort(key=lambda held: held["token"])
        assert [number for held in leases for number in held["numbers"]] == list(range(75))
        assert all(early["ended"] <= late["begun"] for early, late in pairwise(leases))
    assert await queue.stats() == Stats(0, 0, 0, 0)


# ---------------------------------------------------------------------- dead letters


async def buried(queue: Queue, *envelopes: Envelope) -> None:
    await queue.put(envelopes)
    for lease in await take(queue):
        await queue.bury(lease, ids(lease), BURIAL)


async def test_a_dead_letter_tells_all(queue: Queue) -> None:
    envelope = an_envelope(payload={"text": "oi"}, attempts=2)
    began = time.time()
    await buried(queue, envelope)

    letter = await queue.dead_letter(envelope.id)

    assert letter is not None
    assert (letter.id, letter.organization_id, letter.instance_id) == (envelope.id, "shop", "main")
    assert (letter.lane, letter.payload, letter.message_id) == (envelope.lane, {"text": "oi"}, "ID1")
    assert (letter.stage, letter.plugin, letter.reason, letter.attempts) == ("handle", "faq", "raised", 3)
    assert began <= letter.buried_at <= time.time()
    assert await queue.dead() == [letter]
    assert await queue.stats() == Stats(waiting=0, delayed=0, leased=0, dead=1)


async def test_only_dead_letters_are_dead_letters(queue: Queue) -> None:
    await queue.put([waiting := an_envelope(), delayed := an_envelope(not_before=time.time() + 60)])

    assert await queue.dead() == []
    for envelope_id in (waiting.id, delayed.id, "unknown", "\udc00"):
        assert await queue.dead_letter(envelope_id) is None
        assert await queue.revive([envelope_id]) == 0
        assert await queue.purge(ids=[envelope_id]) == 0
    assert await queue.purge(before=time.time() + 60) == 0
    assert await queue.stats() == Stats(waiting=1, delayed=1, leased=0, dead=0)


async def test_dead_letters_are_listed_by_id(queue: Queue) -> None:
    envelopes = [an_envelope(f"{number}", tenant="ab"[number % 2]) for number in range(7)]
    await buried(queue, *reversed(envelopes))

    async def listed(**which: Any) -> list[str]:
        return [letter.id for letter in await queue.dead(**which)]

    assert await listed() == [envelope.id for envelope in envelopes]
    assert await listed(limit=2) == [envelope.id for envelope in envelopes[:2]]
    assert await listed(limit=2, after=envelopes[1].id) == [envelope.id for envelope in envelopes[2:4]]
    assert await listed(tenant="b", after=envelopes[1].id) == [envelopes[3].id, envelopes[5].id]


async def test_a_revived_envelope_stands_at_its_lanes_tail_afresh(queue: Queue) -> None:
    first = an_envelope(number="first", dedupe="k", attempts=2, lost_leases=4, revived=1)
    await buried(queue, first)
    await queue.put(several("ana", 2))

    assert await queue.revive([first.id, "unknown", first.id]) == 1

    lease = await one(queue)
    assert numbers(lease) == [0, 1, "first"]
    again = lease.envelopes[-1]
    assert (again.id, again.attempts, again.lost_leases, again.revived) == (first.id, 0, 0, 2)
    assert await queue.dead() == []
    assert await queue.put([an_envelope(dedupe="k")]) == [False]
    await queue.bury(lease, ids(lease), BURIAL)
    assert await queue.revive([first.id]) == 1
    assert (await one(queue)).envelopes[0].revived == 3


async def test_a_revived_envelope_does_not_wake_its_deferred_lane(queue: Queue) -> None:
    await buried(queue, letter := an_envelope())
    await queue.put([an_envelope()])
    await queue.defer(await one(queue), time.time() + 60)

    assert await queue.revive([letter.id]) == 1
    assert await take(queue) == []


async def test_dead_letters_are_purged_by_id_and_by_age(queue: Queue) -> None:
    envelopes = [an_envelope(f"{number}", dedupe=f"{number}") for number in range(4)]
    await buried(queue, *envelopes[:2])
    await anyio.sleep(0.01)
    between = time.time()
    await buried(queue, *envelopes[2:])

    assert await queue.purge(before=between) == 2
    assert await queue.purge(ids=[envelopes[2].id], before=between) == 0
    assert await queue.purge(ids=[envelopes[2].id, envelopes[0].id]) == 1
    assert await queue.purge(ids=[]) == 0
    assert [letter.id for letter in await queue.dead()] == [envelopes[3].id]
    assert await queue.put([an_envelope("again", dedupe="0")]) == [True]
    with pytest.raises(ValueError, match="purge what"):
        await queue.purge()


async def test_any_number_of_dead_letters_is_revived_or_purged(queue: Queue) -> None:
    envelopes = [an_envelope(f"{number % 7}", number) for number in range(1300)]
    await queue.put(envelopes)
    while leases := await take(queue):
        await asyncio.gather(*(queue.bury(lease, ids(lease), BURIAL) for lease in leases))

    assert await queue.revive([envelope.id for envelope in envelopes[:600]]) == 600
    assert await queue.purge(before=time.time() + 1) == 700
    assert await queue.stats() == Stats(waiting=600, delayed=0, leased=0, dead=0)


# ---------------------------------------------------------------------- limits


def assert_within(places: Sequence[tuple[float, float]], most: int, per: float) -> None:
    """No more than ``most`` in any ``per`` seconds.

    :param places: for each, the earliest and the latest moment that it can be of: a test may have to wait for its turn.
    """
    places = sorted(places)
    gaps = [latest - earliest for (earliest, _), (_, latest) in zip(places, places[most:], strict=False)]
    assert min(gaps) >= per - 0.01


async def test_a_permit_is_a_place_in_a_strict_window(queue: Queue) -> None:
    waits = await asyncio.gather(*(queue.permit("k", most=3, per=1) for _ in range(8)))

    assert [round(wait, 1) for wait in waits] == [0, 0, 0, 1, 1, 1, 2, 2]
    assert await queue.permit("other", most=3, per=1) == 0


async def test_permits_are_there_again_after_their_time(queue: Queue) -> None:
    places = []
    for _ in range(7):
        asked = time.time()
        wait = await queue.permit("k", most=2, per=0.1)
        places.append((asked + wait, time.time() + wait))
        await anyio.sleep(wait)

    assert_within(places, 2, 0.1)
    assert places[-1][0] - places[0][0] < 2
    await anyio.sleep(0.12)
    assert await queue.permit("k", most=2, per=0.1) == 0


async def test_a_limit_may_change(queue: Queue) -> None:
    async def waits(most: int, count: int) -> list[float]:
        return [round(await queue.permit("k", most=most, per=10)) for _ in range(count)]

    assert await waits(2, 3) == [0, 0, 10]
    assert await waits(4, 3) == [10, 10, 10]
    assert await waits(4, 2) == [20, 20]
    assert await waits(1, 2) == [30, 40]


async def test_a_limit_holds_for_all_processes_together(place: Place) -> None:
    told = await asyncio.gather(*(place.output("reserve", 12, 5, 0.5) for _ in range(2)))

    places = [(earliest, latest) for process in told for earliest, latest in process]
    assert len(places) == 24
    assert_within(places, 5, 0.5)


# ---------------------------------------------------------------------- restarts


async def test_all_states_survive_a_restart(place: Place) -> None:
    chats = ("waiting", "retrying", "deferred", "leased", "dead")
    async with place.open() as queue:
        await queue.put([an_envelope(chat, chat) for chat in chats])
        leases = {lease.envelopes[0].payload: lease for lease in await take(queue, duration=0.4)}
        await queue.defer(leases["waiting"], 0)
        await queue.retry(leases["retrying"], ids(leases["retrying"]), delay=0.5, attempt=True)
        await queue.defer(leases["deferred"], time.time() + 0.6)
        await queue.bury(leases["dead"], ids(leases["dead"]), BURIAL)
        await queue.put([an_envelope("delayed", "delayed", not_before=time.time() + 0.7)])
        before = await queue.stats()

    async with place.open() as queue:
        assert await queue.stats() == before == Stats(waiting=2, delayed=2, leased=1, dead=1)
        order = [lease for _ in range(5) for lease in await take(queue, wait=5)]
        assert [numbers(lease) for lease in order] == [
            ["waiting"],
            ["leased"],
            ["retrying"],
            ["deferred"],
            ["delayed"],
        ]
        assert [lease.envelopes[0].lost_leases for lease in order] == [0, 1, 0, 0, 0]
        assert [lease.envelopes[0].attempts for lease in order] == [0, 0, 1, 0, 0]
        assert [letter.payload for letter in await queue.dead()] == ["dead"]
