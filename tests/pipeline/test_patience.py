"""While the store or the queue is away: everybody waits, one line says so, one that it is over."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator

import anyio
import pytest

from auzap.logs import configure
from auzap.model.errors import HookFailed, LeaseLost, QueueUnavailable, StoreUnavailable
from auzap.pipeline.patience import Patience


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    configure(json=True, stream=stream)
    yield stream
    configure()


def events(log: io.StringIO) -> list[tuple[str, str]]:
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    return [(line["event"], line["away"]) for line in lines]


class Outage:
    """Something that is away until it is told to be back."""

    def __init__(self, error: type[Exception]) -> None:
        self.error = error
        self.away = True
        self.calls = 0

    async def call(self, value: int) -> int:
        self.calls += 1
        if self.away:
            raise self.error("the file is locked")
        return value


async def test_an_outage_is_told_once_however_many_wait_and_is_told_to_be_over(log: io.StringIO) -> None:
    patience, store, queue = Patience(), Outage(StoreUnavailable), Outage(QueueUnavailable)
    got: list[int] = []

    async def wait(outage: Outage, value: int) -> None:
        got.append(await patience(outage.call, value))

    with anyio.fail_after(5):
        async with anyio.create_task_group() as waiting:
            for value in range(10):
                waiting.start_soon(wait, store if value < 5 else queue, value)
            while store.calls < 15 or queue.calls < 15:  # noqa: ASYNC110 - they are counted elsewhere
                await anyio.sleep(0.01)
            assert got == []
            store.away = queue.away = False
    assert sorted(got) == list(range(10))
    assert sorted(events(log)) == [
        ("Back", "QueueUnavailable"),
        ("Back", "StoreUnavailable"),
        ("Waiting", "QueueUnavailable"),
        ("Waiting", "StoreUnavailable"),
    ]

    store.away = True
    with anyio.move_on_after(0.01):
        await patience(store.call, 1)
    assert events(log)[-1] == ("Waiting", "StoreUnavailable"), "the next outage is told again"


async def test_a_store_that_is_away_is_not_the_failure_of_the_plugin_that_asked_it(log: io.StringIO) -> None:
    store = Outage(StoreUnavailable)

    async def plugin(value: int) -> int:
        try:
            return await store.call(value)
        except StoreUnavailable as error:
            store.away = False
            raise HookFailed("faq", "handle_message", "raised") from error

    assert await Patience().with_plugins(plugin, 7) == 7
    assert store.calls == 2


@pytest.mark.parametrize("error", [ValueError("a mistake"), LeaseLost("lane")])
async def test_anything_else_is_not_waited_for(log: io.StringIO, error: Exception) -> None:
    async def fail() -> None:
        raise error

    with pytest.raises(type(error)):
        await Patience()(fail)
    assert log.getvalue() == ""
