"""Traces are written beside the turns, in one go, and are never in their way."""

from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import anyio
import pytest

from auzap.logs import configure
from auzap.model.errors import HookFailed
from auzap.pipeline.traces import MOST_WAITING, Traces
from auzap.storage.store import Store
from tests.support.stores import SqliteDatabase, fresh_file

#: seconds; nobody waits so long
_NEVER = 3600.0


@pytest.fixture(scope="module")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("templates")


@pytest.fixture
def database(tmp_path: Path, templates: Path) -> SqliteDatabase:
    return fresh_file(tmp_path, templates)


@pytest.fixture
async def store(database: SqliteDatabase) -> AsyncIterator[Store]:
    async with database.open(busy=0.05) as opened:
        yield opened


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    configure(json=True, stream=stream)
    yield stream
    configure()


def add(traces: Traces, turn_id: str, outcome: str = "answered") -> None:
    traces.begin("shop", "main", "abcdef012345").end(turn_id, outcome, attempt=1)


def turns(database: SqliteDatabase) -> list[str]:
    return [row["turn_id"] for row in database.rows("SELECT turn_id FROM auzap_traces ORDER BY id")]


async def events(log: io.StringIO) -> list[str]:
    await anyio.sleep(0.01)  # the log of one round of the loop leaves at its end
    return [json.loads(line)["event"] for line in log.getvalue().splitlines()]


async def test_they_are_written_while_it_is_open_and_the_last_ones_at_its_end(
    store: Store, database: SqliteDatabase
) -> None:
    async with Traces(store, every=0.01) as traces:
        add(traces, "1")
        with anyio.fail_after(10):
            while not turns(database):  # noqa: ASYNC110 - it is seen from outside
                await anyio.sleep(0.01)
    async with Traces(store, every=_NEVER) as traces:
        for turn in ("2", "3"):
            add(traces, turn)
        assert turns(database) == ["1"]
    assert turns(database) == ["1", "2", "3"]


async def test_they_are_also_when_the_worker_is_cancelled(store: Store, database: SqliteDatabase) -> None:
    async with anyio.create_task_group() as tasks:

        async def work() -> None:
            async with Traces(store, every=_NEVER) as traces:
                add(traces, "1")
                tasks.cancel_scope.cancel()
                await anyio.sleep(_NEVER)

        tasks.start_soon(work)
    assert turns(database) == ["1"]


async def test_while_the_database_is_away_they_wait(store: Store, database: SqliteDatabase) -> None:
    traces = Traces(store, every=_NEVER)
    add(traces, "1")
    with database.locked():
        await traces.flush()
        add(traces, "2")
        await traces.flush()
        assert turns(database) == []
    await traces.flush()
    assert turns(database) == ["1", "2"]


async def test_but_not_more_of_them_than_memory_is_worth(
    store: Store, database: SqliteDatabase, log: io.StringIO
) -> None:
    traces = Traces(store, every=_NEVER)
    for turn in range(MOST_WAITING + 3):
        add(traces, str(turn))
    assert await events(log) == ["Traces dropped: the database does not take them"]
    await traces.flush()
    assert database.count("auzap_traces") == MOST_WAITING
    assert database.count("auzap_traces", "turn_id IN ('0', '1', '2')") == 0, "the oldest"
    assert (await events(log))[1:] == ["Traces are written again"]
    assert json.loads(log.getvalue().splitlines()[-1])["dropped"] == 3


async def test_what_can_never_be_written_stops_nobody(store: Store, database: SqliteDatabase, log: io.StringIO) -> None:
    with database.connect() as connection:
        connection.execute("ALTER TABLE auzap_traces RENAME TO elsewhere")
    traces = Traces(store, every=_NEVER)
    add(traces, "1")
    await traces.flush()
    assert await events(log) == ["Traces not written"]
    with database.connect() as connection:
        connection.execute("ALTER TABLE elsewhere RENAME TO auzap_traces")
    add(traces, "2")
    await traces.flush()
    assert turns(database) == ["2"]


async def test_a_turn_that_waits_again_and_again_has_one(store: Store, database: SqliteDatabase) -> None:
    traces = Traces(store, every=_NEVER)
    for outcome in ("waits", "waits", "failed", "waits", "waits", "answered"):
        add(traces, "1", outcome)
    await traces.flush()
    found = [row["outcome"] for row in database.rows("SELECT outcome FROM auzap_traces ORDER BY id")]
    assert found == ["waits", "failed", "waits", "answered"]


async def test_a_step_is_where_it_began_and_a_failure_is_told_once(store: Store) -> None:
    traces = Traces(store, every=_NEVER)
    attempt = traces.begin("shop", "main", "abcdef012345")
    attempt.message_id = "WA"
    attempt.steps.append(("offers", "stall", 2.0, 2.5, "answered", None))
    attempt.steps.append(("handle_message", "market", 1.0, 3.0, "answered", None))
    for _ in range(2):
        attempt.failed(HookFailed("market", "handle_message", "cannot be stored: segredo", brief="cannot be stored"))
    attempt.end("1", "failed", attempt=2, ended=3.5)
    attempt.end("2", "nobody_answered", attempt=1)
    await traces.flush()

    first, second = [*await store.traces_of("1", limit=9), *await store.traces_of("2", limit=9)]
    assert [(step.hook, step.ms, step.said, step.error) for step in first.steps] == [
        ("handle_message", 2000.0, "answered", None),
        ("offers", 500.0, "answered", None),
        ("handle_message", 0.0, "failed", "cannot be stored"),
    ]
    assert (first.attempt, first.message_id, first.config_version) == (2, "WA", "abcdef012345")
    assert second.steps == (), "they were the first one's"
