"""A database that is away, and its return."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from auzap.model.errors import ConfigError, StoreUnavailable
from auzap.storage import open_store
from auzap.storage.migrate import pending, upgrade
from auzap.storage.store import Store
from auzap.tables import Contact
from tests.support.pets import Pet
from tests.support.stores import TENANT, Database, arrival


async def _book(session: AsyncSession) -> str:
    session.add(Pet(name="slot"))
    return "9h"


async def test_a_locked_database_is_told_and_used_again_when_it_is_free(database: Database) -> None:
    async with database.open(busy=0.05) as store:
        (turn,) = await store.record([arrival()])
        with database.locked():
            with pytest.raises(StoreUnavailable, match=f"{re.escape(database.place)}: .*(locked|lock timeout)"):
                await store.record([arrival()])
            with pytest.raises(StoreUnavailable, match=r"locked|lock timeout"):
                await store.once(TENANT, turn_id=turn.turn_id, token=1, name="book", fn=_book)
            async with store.tenant(TENANT).read() as session:
                assert len((await session.exec(select(Contact))).all()) == 1
            assert await store.owners(TENANT) == []
        assert await store.once(TENANT, turn_id=turn.turn_id, token=1, name="book", fn=_book) == "9h"
        assert (await store.record([arrival()]))[0].state == "received"
    assert database.count("test_pets") == 1


async def _everything(store: Store) -> list[BaseException]:
    """What each road into the file raises."""
    errors: list[BaseException] = []

    async def read() -> None:
        async with store.tenant(TENANT).read() as session:
            await session.exec(select(Contact))

    async def write() -> None:
        async with store.transaction(TENANT, turn_id="x", token=1):
            raise AssertionError

    for call in (lambda: store.record([arrival()]), lambda: store.owners(TENANT), read, write):
        with pytest.raises(Exception, match=r"auzap\.db") as caught:
            await call()
        errors.append(caught.value)
    return errors


async def test_a_file_that_cannot_be_opened_is_away(tmp_path: Path) -> None:
    (tmp_path / "auzap.db").mkdir()
    async with open_store("sqlite:///auzap.db", tmp_path, busy=0.05) as store:
        assert {type(error) for error in await _everything(store)} == {StoreUnavailable}
    with pytest.raises(StoreUnavailable):
        pending("sqlite:///auzap.db", tmp_path)


async def test_a_file_that_is_no_database_is_away_and_refused_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "auzap.db").write_bytes(b"not a database at all\n" * 100)
    async with open_store("sqlite:///auzap.db", tmp_path, busy=0.05) as store:
        assert {type(error) for error in await _everything(store)} == {StoreUnavailable}
    with pytest.raises(ConfigError, match="no SQLite database"):
        upgrade("sqlite:///auzap.db", tmp_path)


@pytest.mark.parametrize("url", ["mysql://localhost/auzap", "sqlite://", "sqlite:///", "sqlite:///:memory:", "auzap"])
def test_another_database_is_refused_in_one_line(tmp_path: Path, url: str) -> None:
    with pytest.raises(
        ConfigError, match=r"^no database for \w+: there is sqlite:///path/to/file\.db and postgresql://host/db$"
    ):
        open_store(url, tmp_path)
