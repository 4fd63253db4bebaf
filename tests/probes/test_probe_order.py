"""Within a chat, replies leave and history stands in the order in which the messages came, one turn at a time."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

import pytest

from tests.support.gateway import GatewayProcess, Mode
from tests.support.house import House
from tests.support.servers import ON_FILES, Standing
from tests.support.tally import assert_no_fault, replies_by_chat
from tests.support.writing import SHIPPED, client, number_of, put_all, written

_EACH = 5


@ON_FILES
@pytest.mark.parametrize(
    ("concurrency", "delay"),
    [
        pytest.param(5, (0.0, 0.05), id="5, 0 to 50 ms"),
        pytest.param(50, (0.0, 0.0), id="50, at once"),
        pytest.param(5, (0.0, 0.0), id="5, at once", marks=pytest.mark.soak),
        pytest.param(50, (0.0, 0.05), id="50, 0 to 50 ms", marks=pytest.mark.soak),
    ],
)
async def test_order_per_chat(
    tmp_path: Path, standing: Standing, gateway: GatewayProcess, concurrency: int, delay: tuple[float, float]
) -> None:
    contacts = 200
    house = House(tmp_path, gateway.url, plugins=SHIPPED, worker={"concurrency": concurrency}, **standing)
    known = [written(number, client(number)) for number in range(contacts)]
    await put_all(house, known)
    await house.serve()
    gateway.set(Mode(delay=delay))
    more = range(contacts, contacts + _EACH * contacts)
    await put_all(house, (written(number, client(number // _EACH - contacts // _EACH)) for number in more))
    await house.serve()

    posts = gateway.log()
    assert_no_fault(house, posts, clients=[f"M{number}" for number in range(contacts + len(more))])
    chats = replies_by_chat(posts)
    assert len(chats) == contacts
    for texts in chats.values():
        numbers = [number_of(text) for text in texts]
        assert numbers == sorted(numbers)
    _check_history(house)


def _check_history(house: House) -> None:
    """A message, its reply, the next message, and so on."""
    rows = house.rows("SELECT conversation_id, direction, content FROM messages ORDER BY conversation_id, id")
    for _, conversation in groupby(rows, key=lambda row: row["conversation_id"]):
        history = list(conversation)
        assert [row["direction"] for row in history] == ["inbound", "outbound"] * (_EACH + 1)
        numbers = [number_of(row["content"]) for row in history]
        assert numbers == sorted(numbers)
        assert numbers[::2] == numbers[1::2]
