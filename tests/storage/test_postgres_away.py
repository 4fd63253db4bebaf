"""A server that is away, full, or ends connections; and its return."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import anyio
import pytest
from sqlmodel import select

from auzap.model.errors import ConfigError, StoreUnavailable
from auzap.storage import open_store
from auzap.storage.store import Store
from auzap.tables import Contact
from tests.support.postgres import TEMPLATE, Cluster, private_cluster
from tests.support.stores import TENANT, PostgresDatabase, arrival, decision

T = TypeVar("T")


@pytest.fixture
def cluster(run_folder: Path) -> Iterator[Cluster]:
    with private_cluster(run_folder, durable=False, max_connections="12") as own:
        yield own


async def _read(store: Store) -> None:
    async with store.tenant(TENANT).read() as session:
        await session.exec(select(Contact))


async def _write(store: Store) -> None:
    async with store.transaction(TENANT, turn_id="x", token=1):
        raise AssertionError


async def test_a_server_that_is_away_is_told_in_one_line_and_used_again_when_it_is_back(
    cluster: Cluster, tmp_path: Path
) -> None:
    database = PostgresDatabase(cluster.url(cluster.create(TEMPLATE)), tmp_path)
    async with database.open() as store:
        (turn,) = await store.record([arrival("k", envelope_id="E1")])
        await _read(store)
        await store.owners(TENANT)
        for end in (cluster.stop, cluster.kill):
            await asyncio.to_thread(end)
            for call in (lambda: store.record([arrival()]), lambda: store.owners(TENANT), lambda: _read(store)):
                with pytest.raises(StoreUnavailable) as caught:
                    await call()
                assert str(caught.value).startswith(database.place)
                assert "\n" not in str(caught.value)
            with pytest.raises(StoreUnavailable):
                await _write(store)
            await asyncio.to_thread(cluster.start)
            (again,) = await store.record([arrival("k", envelope_id="E1", token=2)])
            assert (again.id, again.state) == (turn.id, "received")
            await _read(store)
            assert await store.owners(TENANT) == []


async def test_connections_that_are_ended_while_something_is_written_lose_nothing_that_was_told(
    on_postgres: PostgresDatabase,
) -> None:
    """Whoever is told that the server is away repeats the call, as the worker does."""
    ended = threading.Event()
    broken: list[object] = []

    def end_connections() -> None:
        while not ended.wait(0.1):
            broken.extend(
                on_postgres.rows(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND application_name = 'auzap'"
                )
            )

    async def turn(store: Store, number: int) -> None:
        one = arrival(f"k{number}", envelope_id=f"E{number}")
        with anyio.fail_after(30):
            (recorded,) = await _until_it_is_there(lambda: store.record([one]))
            (reply,) = await _until_it_is_there(lambda: store.persist(decision(recorded, "Olá")))
            await _until_it_is_there(lambda: store.note_sent(reply.id, token=1, provider_id=None))

    thread = threading.Thread(target=end_connections)
    async with on_postgres.open() as store:
        thread.start()
        try:
            for start in range(0, 300, 10):
                await asyncio.gather(*(turn(store, number) for number in range(start, start + 10)))
        finally:
            ended.set()
            await asyncio.to_thread(thread.join)
    assert broken
    assert on_postgres.count("auzap_inbox", "state = 'done'") == on_postgres.count("auzap_inbox") == 300
    assert on_postgres.count("auzap_outbox", "state = 'sent'") == on_postgres.count("auzap_outbox") == 300
    assert on_postgres.count("contacts") == on_postgres.count("conversations") == 1


async def _until_it_is_there(call: Callable[[], Awaitable[T]]) -> T:
    while True:
        try:
            return await call()
        except StoreUnavailable:
            await asyncio.sleep(0.01)


async def test_a_server_without_a_connection_left_is_away(cluster: Cluster, tmp_path: Path) -> None:
    import asyncpg

    url = cluster.url(cluster.create(TEMPLATE))
    others: list[Any] = []
    with suppress(asyncpg.TooManyConnectionsError):
        while len(others) < 20:
            others.append(await asyncpg.connect(url))
    async with open_store(url, tmp_path) as store:
        with pytest.raises(StoreUnavailable, match="too many clients"):
            await store.record([arrival()])
        for other in others:
            await other.close()
        assert (await store.record([arrival()]))[0].state == "received"


async def test_a_database_that_only_reads_is_away(on_postgres: PostgresDatabase) -> None:
    name = on_postgres.url.rpartition("/")[2]
    on_postgres.rows(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    try:
        async with on_postgres.open() as store:
            with pytest.raises(StoreUnavailable, match="read-only"):
                await store.record([arrival()])
    finally:
        on_postgres.rows(f"ALTER DATABASE {name} RESET default_transaction_read_only")


async def test_a_database_without_the_tables_says_what_to_run(postgres: Cluster, tmp_path: Path) -> None:
    with postgres.database(tmp_path, empty=True) as database:
        async with open_store(database.url, tmp_path) as store:
            with pytest.raises(ConfigError, match="run auzap db upgrade"):
                await store.record([arrival()])
