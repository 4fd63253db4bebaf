"""The same message again, at once or later: answered once, stored once."""

from __future__ import annotations

from pathlib import Path

from tests.support.gateway import GatewayProcess, Mode
from tests.support.house import House, job
from tests.support.servers import EVERYWHERE, ON_FILES, Standing
from tests.support.tally import assert_no_fault, people_faults
from tests.support.workers import ended, until, working
from tests.support.writing import SHIPPED, client, put_all, written

_CONTACTS = 200
_IDS = [f"M{number}" for number in range(_CONTACTS)]


@EVERYWHERE
async def test_a_message_delivered_twice_at_once_and_again_later_is_answered_once(
    tmp_path: Path, standing: Standing, gateway: GatewayProcess
) -> None:
    house = House(tmp_path, gateway.url, plugins=SHIPPED, **standing)
    messages = [written(number, client(number)) for number in range(_CONTACTS)]
    taken = await put_all(house, (same for one in messages for same in (one, one)))
    assert taken == [True, False] * _CONTACTS
    await house.serve()
    assert_no_fault(house, gateway.log(), clients=_IDS)

    assert all(await put_all(house, messages)), "the queue has forgotten them"
    await house.serve()
    assert_no_fault(house, gateway.log(), clients=_IDS)
    assert people_faults(house, _CONTACTS) == {}
    assert len(gateway.log()) == _CONTACTS


@ON_FILES
async def test_a_message_delivered_again_while_it_is_answered_is_answered_once(
    tmp_path: Path, standing: Standing, gateway: GatewayProcess
) -> None:
    gateway.set(Mode(delay=(1.0, 1.0)))
    house = House(tmp_path, gateway.url, plugins=SHIPPED, **standing)
    same = job(written(0, client(0)))
    await house.put(same)
    worker = house.start("--drain")
    with working(worker):
        await until(lambda: bool(gateway.log()), what="the reply to be on its way")
        assert await house.put(same) == [False]
        assert await ended(worker) == 0
    assert_no_fault(house, gateway.log(), clients=["M0"])
    assert len(gateway.log()) == 1
