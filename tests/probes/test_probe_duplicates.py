"""First messages that come in pairs make one contact, one conversation and one row of each kind."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.gateway import GatewayProcess
from tests.support.house import House
from tests.support.servers import EVERYWHERE, Standing
from tests.support.tally import assert_no_fault, people_faults
from tests.support.writing import SHIPPED, client, put_all, written


@EVERYWHERE
@pytest.mark.parametrize(
    ("concurrency", "contacts"), [(5, 80), *(pytest.param(n, 200, marks=pytest.mark.soak) for n in (5, 50))]
)
async def test_two_first_messages_together_then_more_make_no_duplicates(
    tmp_path: Path, standing: Standing, gateway: GatewayProcess, concurrency: int, contacts: int
) -> None:
    house = House(tmp_path, gateway.url, plugins=SHIPPED, worker={"concurrency": concurrency}, **standing)
    await put_all(house, (written(number, client(number // 2)) for number in range(2 * contacts)))
    await house.serve()
    assert people_faults(house, contacts) == {}
    ids = [f"M{number}" for number in range(2 * contacts)]
    assert_no_fault(house, gateway.log(), clients=ids)

    later = range(2 * contacts, 7 * contacts)
    await put_all(house, (written(number, client(number % contacts)) for number in later))
    await house.serve()
    assert people_faults(house, contacts) == {}
    assert_no_fault(house, gateway.log(), clients=[*ids, *(f"M{number}" for number in later)])
