"""A connection that breaks off before a plugin has asked anything on it: the server is away, no plugin is to blame."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from sqlmodel import select

from auzap.model.errors import StoreUnavailable
from auzap.storage import open_store
from auzap.storage.store import Store
from auzap.tables import Contact
from tests.support.pets import Breed
from tests.support.postgres import Cluster, PostgresDatabase
from tests.support.stores import TENANT, arrival, decision

#: the server's "ready for query", after a login
_READY = b"Z\x00\x00\x00\x05I"


@asynccontextmanager
async def cutting(database: PostgresDatabase, at: bytes | None = None) -> AsyncIterator[Store]:
    """A store whose connections are cut, right after the login or where something is asked.

    :param at: what is asked.
    """

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        behind, server = await asyncio.open_connection("127.0.0.1", database.cluster.port)
        ways = [
            asyncio.ensure_future(_copy(reader, server, lambda asked: at is not None and at in asked)),
            asyncio.ensure_future(_copy(behind, writer, lambda told: at is None and told.endswith(_READY))),
        ]
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        server.close()
        writer.close()

    proxy = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = proxy.sockets[0].getsockname()[1]
    url = database.url.replace(f":{database.cluster.port}/", f":{port}/")
    async with proxy, open_store(url, database.folder) as store:
        yield store


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter, is_last: Callable[[bytes], bool]) -> None:
    with suppress(ConnectionError):
        while passed := await source.read(65536):
            last = is_last(passed)
            if not last or passed.endswith(_READY):
                target.write(passed)
                await target.drain()
            if last:
                return


@pytest.fixture
def database(postgres: Cluster, tmp_path: Path) -> Iterator[PostgresDatabase]:
    with postgres.database(tmp_path) as own:
        yield own


async def test_a_connection_cut_after_its_login_is_a_server_that_is_away(database: PostgresDatabase) -> None:
    async with cutting(database) as store:
        with pytest.raises(StoreUnavailable):
            async with store.tenant(TENANT).read() as session:
                await session.exec(select(Contact))
        with pytest.raises(StoreUnavailable):
            async with store.transaction(TENANT, turn_id="x", token=1):
                raise AssertionError


@pytest.mark.parametrize("at", [b"pg_catalog.version()", b"INSERT INTO test_breeds"])
async def test_a_connection_cut_while_records_are_stored_is_a_server_that_is_away(
    database: PostgresDatabase, at: bytes
) -> None:
    async with cutting(database, at) as store:
        (recorded,) = await store.record([arrival()])
        with pytest.raises(StoreUnavailable):
            await store.persist(decision(recorded, "Oi!", records=[Breed(name="Vira-lata")]))
