"""``store.transaction()``: what plugins write that belongs to no turn."""

from __future__ import annotations

import asyncio

import anyio
import pytest
from sqlmodel import col, select

from auzap.storage.base import BaseStore
from auzap.storage.store import Store
from tests.support.pets import Pet
from tests.support.stores import TENANT, Database


async def test_it_commits_at_the_end_and_belongs_to_the_tenant(store: Store, database: Database) -> None:
    async with store.tenant(TENANT).transaction() as session:
        session.add(Pet(name="Rex"))
    async with store.tenant("other").transaction() as session:
        assert (await session.exec(select(Pet))).all() == []
        session.add(Pet(name="Mia", organization_id=TENANT))
        with pytest.raises(ValueError, match="belongs to tenant"):
            await session.flush()
        session.expunge_all()
    assert database.one("SELECT name, organization_id FROM test_pets") == {"name": "Rex", "organization_id": TENANT}


async def test_it_rolls_back_when_the_body_raises_or_is_cancelled(store: Store, database: Database) -> None:
    async def fail() -> None:
        async with store.tenant(TENANT).transaction() as session:
            session.add(Pet(name="Rex"))
            await session.flush()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    with anyio.move_on_after(0.05):
        async with store.tenant(TENANT).transaction() as session:
            session.add(Pet(name="Rex"))
            await session.flush()
            await anyio.sleep(9)
    assert database.count("test_pets") == 0


@pytest.mark.parametrize("stubborn", [False, True])
async def test_it_has_its_time_and_then_nothing_is_stored(store: Store, database: Database, stubborn: bool) -> None:
    assert isinstance(store, BaseStore)
    store.in_transaction = 0.1

    async def linger() -> None:
        async with store.tenant(TENANT).transaction() as session:
            session.add(Pet(name="Rex"))
            await session.flush()
            try:
                await anyio.sleep(9)
            except asyncio.CancelledError:
                if not stubborn:
                    raise

    with pytest.raises(TimeoutError, match=r"store\.transaction\(\): took longer than 0\.1 s"):
        await linger()
    assert database.count("test_pets") == 0
    async with store.tenant(TENANT).transaction() as session:
        session.add(Pet(name="Mia"))
    assert database.count("test_pets") == 1


async def test_a_tenants_are_one_at_a_time(store: Store, database: Database) -> None:
    """What one of them decides, the next one sees: also one of another process."""

    async def count_up(at: Store) -> None:
        async with at.tenant(TENANT).transaction() as session:
            pets = (await session.exec(select(Pet).order_by(col(Pet.name)))).all()
            await anyio.sleep(0.005)
            session.add(Pet(name=f"{len(pets):02}"))

    async with database.open() as other, anyio.create_task_group() as tasks:
        for at in (store, other) * 5:
            tasks.start_soon(count_up, at)
    names = [row["name"] for row in database.rows("SELECT name FROM test_pets ORDER BY name")]
    assert names == [f"{number:02}" for number in range(10)]


async def test_one_inside_another_is_refused_at_once(store: Store) -> None:
    async with store.tenant(TENANT).transaction():
        with pytest.raises(RuntimeError, match="a transaction inside a transaction"):
            async with store.tenant(TENANT).transaction():
                pass


async def test_it_may_be_read_meanwhile(store: Store) -> None:
    tenant = store.tenant(TENANT)
    async with tenant.transaction() as writing, tenant.read() as reading:
        writing.add(Pet(name="Rex"))
        await writing.flush()
        assert (await reading.exec(select(Pet))).all() == []
