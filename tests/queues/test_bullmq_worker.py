"""A worker on a BullMQ queue: what the API adds is answered."""

from __future__ import annotations

from tests.support.bullmq.place import Bull
from tests.support.gateway import Gateway
from tests.support.house import House, job, message


async def test_what_the_api_adds_is_answered_once_and_in_order(bull: Bull) -> None:
    async with Gateway() as gateway:
        house = House(bull.folder, gateway.url, queue=bull.url)
        bull.add(*(job(message(f"{number}", id=f"M{number % 4}")) for number in range(6)))
        bull.add(job(message("to nobody"), tenant="nobody"), job(message("later", phone="5511900000011")), delay=200)
        assert (await house.stats()).delayed == 2
        await house.put(job(message("first", phone="5511900000012")))
        assert bull.counts() == {"waiting": 6, "delayed": 2}, "nobody works yet"
        await house.serve()
    texts = [post.text for post in gateway.accepted]
    assert [text for text in texts if text[-1].isdigit()] == [f"ok: {number}" for number in range(4)]
    assert sorted(text for text in texts if not text[-1].isdigit()) == ["ok: first", "ok: later"]
    [(_, reason, data)] = bull.ask("failed")
    assert reason == "unknown tenant 'nobody'"
    assert data["organizationId"] == "nobody"
    assert bull.counts() == {"failed": 1}
