"""Sessions for plugins: whatever they ask, they see and change one tenant's rows."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from sqlalchemy import delete, exists, func, insert, literal, literal_column, text, update
from sqlalchemy.exc import DBAPIError, InvalidRequestError
from sqlalchemy.orm import aliased, joinedload, selectinload, subqueryload
from sqlmodel import Session, SQLModel, select
from sqlmodel.ext.asyncio.session import AsyncSession

from auzap.model.errors import StoreUnavailable
from auzap.storage.store import Store
from auzap.tables import Contact, ContactIdentity
from tests.support.pets import Breed, Pet, Tag, Visit
from tests.support.stores import Database, arrival

# queries are written on instrumented attributes, which the classes' annotations do not tell
C: Any = Contact
P: Any = Pet
V: Any = Visit
T: Any = Tag
Other: Any = aliased(Contact)
_TABLE: Any = SQLModel.metadata.tables["contacts"]


@pytest.fixture
def filled(database: Database) -> Database:
    """Two tenants, ``a`` and ``b``, with a contact, a pet and visits each; one visit crosses over by mistake."""
    moment = "2026-01-01 00:00:00.000000"
    with database.connect() as connection:
        for number, tenant in enumerate("ab", start=1):
            connection.execute(
                "INSERT INTO contacts (organization_id, id, phone, status, created_at, updated_at)"
                " VALUES (?, ?, '1', 'active', ?, ?)",
                (tenant, f"contact {tenant}", moment, moment),
            )
            connection.execute(
                "INSERT INTO contact_identities VALUES (?, 'phone', '1', ?)", (tenant, f"contact {tenant}")
            )
            row = (tenant, number, f"pet {tenant}")
            connection.execute("INSERT INTO test_pets (organization_id, id, name) VALUES (?, ?, ?)", row)
            connection.execute("INSERT INTO test_tags VALUES (?, ?, ?)", (tenant, number, f"tag {tenant}"))
        for number, tenant in enumerate("ab", start=1):
            for pet in (1, 2):
                connection.execute("INSERT INTO test_tagged VALUES (?, ?, ?)", (tenant, pet, number))
                connection.execute("INSERT INTO test_visits VALUES (?, ?, ?)", (tenant, f"visit {tenant}{pet}", pet))
    return database


@pytest.fixture
async def reading(filled: Database, store: Store) -> AsyncIterator[AsyncSession]:
    async with store.tenant("a").read() as session:
        yield session


@pytest.fixture
async def turn_id(store: Store) -> str:
    (turn,) = await store.record([arrival(organization_id="a", person=None)])
    return turn.turn_id


@pytest.fixture
async def writing(filled: Database, store: Store, turn_id: str) -> AsyncIterator[AsyncSession]:
    async with store.transaction("a", turn_id=turn_id, token=1) as session:
        yield session


def _union() -> Any:
    return select(C.id).union_all(select(Other.id))


@pytest.mark.parametrize(
    ("query", "sees"),
    [
        (lambda: select(C.id), ["contact a"]),
        (lambda: select(Other.id), ["contact a"]),
        (lambda: select(Other.id).join(Contact, Other.phone == C.phone), ["contact a"]),
        (lambda: select(C.id).join(Other, Other.id != ""), ["contact a"]),
        (lambda: select(func.count(Other.id)).select_from(Contact).join(Other, Other.phone == C.phone), [1]),
        (lambda: select(C.id).outerjoin(Other, Other.id == "contact b").where(Other.id.is_not(None)), []),
        (lambda: select(func.count()).select_from(Contact), [1]),
        (lambda: select(func.count()).select_from(select(Contact).subquery()), [1]),
        (lambda: select(select(func.count(C.id)).scalar_subquery()), [1]),
        (lambda: select(select(C.id).cte().c.id), ["contact a"]),
        (lambda: select(select(C.id).where(C.id == "contact b").exists()), [False]),
        (lambda: select(literal(1)).where(select(C.id).where(C.id == "contact b").exists()), []),
        (lambda: select(P.name).where(P.visits.any(V.id == "visit b1")), []),
        (lambda: select(P.name).where(P.id.in_(select(V.pet_id).where(V.id == "visit b1"))), []),
        (lambda: select(V.id).join(V.pet), ["visit a1"]),
        (lambda: select(P.name).outerjoin(Visit, V.id == "visit b1").where(V.id.is_not(None)), []),
        (lambda: select(_union().subquery().c.id), ["contact a", "contact a"]),
        (lambda: select(ContactIdentity.contact_id), ["contact a"]),
        (lambda: select(P.name).join(P.tags), ["pet a"]),
        (lambda: select(P.name).where(P.tags.any(T.name == "tag b")), []),
        (lambda: select(P.name).where(P.tags.any(T.name == "tag a")), ["pet a"]),
        (lambda: select(V.id).where(V.pet.has(name="pet b")), []),
        (lambda: select(P.name).where(P.tags.contains(Tag(id=1, name="tag a"))), ["pet a"]),
        (lambda: select(Contact).where(_TABLE.c.phone == "1").with_only_columns(C.id), ["contact a"]),
    ],
)
async def test_every_query_sees_the_tenants_rows_alone(
    reading: AsyncSession, query: Callable[[], Any], sees: list[Any]
) -> None:
    assert list(await reading.exec(query())) == sees


async def test_statements_that_are_cached_keep_tenants_apart(filled: Database, store: Store) -> None:
    for tenant in ("a", "b", "a"):
        async with store.tenant(tenant).read() as session:
            assert list(await session.exec(select(C.id))) == [f"contact {tenant}"]
            query = select(Other.id).join(Contact, Other.phone == C.phone)
            assert list(await session.exec(query)) == [f"contact {tenant}"]
            pets = (await session.exec(select(Pet).options(joinedload(P.visits)))).unique().all()
            assert [[visit.organization_id for visit in pet.visits] for pet in pets] == [[tenant]]


async def test_a_union_is_bound_in_each_part(reading: AsyncSession) -> None:
    assert [tuple(row) for row in await reading.exec(_union())] == [("contact a",), ("contact a",)]


@pytest.mark.parametrize("load", [joinedload, selectinload, subqueryload])
async def test_relationships_lead_to_the_tenants_rows_alone(reading: AsyncSession, load: Callable[[Any], Any]) -> None:
    (pet,) = (await reading.exec(select(Pet).options(load(P.visits)))).unique().all()
    assert [visit.id for visit in pet.visits] == ["visit a1"]
    visits = (await reading.exec(select(Visit).options(load(V.pet)).order_by("id"))).all()
    assert [visit.pet and visit.pet.name for visit in visits] == ["pet a", None]


async def test_relationships_through_a_link_table_too(reading: AsyncSession) -> None:
    assert (await reading.exec(select(P.name, T.name).join(P.tags))).all() == [("pet a", "tag a")]
    (pet,) = (await reading.exec(select(Pet).options(selectinload(P.tags)))).all()
    assert [tag.name for tag in pet.tags] == ["tag a"]


async def test_lazy_relationships_too(reading: AsyncSession) -> None:
    (pet,) = (await reading.exec(select(Pet))).all()
    assert await reading.run_sync(lambda _: [visit.id for visit in pet.visits]) == ["visit a1"]


async def test_get_finds_nothing_of_another_tenant(reading: AsyncSession) -> None:
    assert await reading.get(Contact, "contact b") is None
    assert await reading.get(ContactIdentity, ("b", "phone", "1")) is None
    found = await reading.get(Contact, "contact a")
    assert found is not None
    await reading.refresh(found)
    assert found.id == "contact a"


@pytest.mark.parametrize(
    "query",
    [
        lambda: text("SELECT id FROM contacts"),
        lambda: select(Contact).from_statement(text("SELECT * FROM contacts")),
        lambda: select(C.id).where(text("1 = 1 OR 1 = 1")),
        lambda: select(literal_column("(SELECT count(*) FROM contacts)")),
        lambda: select(C.id).where(C.id.in_(select(text("id FROM contacts")))),
    ],
)
async def test_raw_sql_is_refused(reading: AsyncSession, query: Callable[[], Any]) -> None:
    with pytest.raises(ValueError, match=r"raw SQL cannot be bound to a tenant: .*; write it with select\(\)"):
        await reading.exec(query())


@pytest.mark.parametrize(
    "query",
    [
        lambda: select(_TABLE),
        lambda: select(_TABLE.c.id),
        lambda: select(P.id).where(_TABLE.c.id == "contact b"),
        lambda: select(C.id, select(_TABLE.c.id).subquery().c.id),
        lambda: select(func.count()).select_from(_TABLE.alias()),
        lambda: select(literal(1)).where(exists().where(C.id == "contact b")),
    ],
)
async def test_what_criteria_do_not_reach_is_refused(reading: AsyncSession, query: Callable[[], Any]) -> None:
    with pytest.raises(ValueError, match=r"cannot bind 'contacts' to the tenant here: select\(\) its class instead"):
        await reading.exec(query())


async def test_a_bare_connection_is_refused(reading: AsyncSession) -> None:
    with pytest.raises(RuntimeError, match="not bound to the tenant"):
        await reading.connection()


# ------------------------------------------------------------------ reading only


@pytest.mark.parametrize(
    "write",
    [
        lambda: update(Contact).values(name="x"),
        lambda: delete(Contact),
        lambda: insert(Pet).values(name="x"),
    ],
)
async def test_a_reading_session_refuses_statements_that_write(reading: AsyncSession, write: Callable[[], Any]) -> None:
    with pytest.raises(RuntimeError, match="this session only reads"):
        await reading.exec(write())


async def test_a_reading_session_refuses_new_objects(reading: AsyncSession) -> None:
    reading.add(Pet(name="x"))
    with pytest.raises(RuntimeError, match="this session only reads"):
        await reading.flush()


async def test_the_connection_behind_a_reading_session_only_reads_too(reading: AsyncSession) -> None:
    with pytest.raises((DBAPIError, StoreUnavailable), match="read"):
        await reading.run_sync(lambda sync: Session.connection(sync).exec_driver_sql("DELETE FROM contacts"))


# ------------------------------------------------------------------ writing


async def test_new_objects_get_the_tenant(filled: Database, writing: AsyncSession) -> None:
    pet = Pet(name="Rex")
    writing.add(pet)
    await writing.flush()
    assert pet.organization_id == "a"


async def test_tables_without_tenants_are_everybodys(filled: Database, store: Store, turn_id: str) -> None:
    async with store.transaction("a", turn_id=turn_id, token=1) as session:
        session.add(Breed(name="Poodle"))
        await session.exec(insert(Breed), params=[{"name": "Vira-lata"}])
    async with store.tenant("b").read() as session:
        assert sorted([breed.name for breed in await session.exec(select(Breed))]) == ["Poodle", "Vira-lata"]
        await session.commit()
        await session.rollback()


async def test_another_tenants_objects_are_refused(writing: AsyncSession) -> None:
    writing.add(Pet(name="Rex", organization_id="b"))
    with pytest.raises(ValueError, match="Pet belongs to tenant 'b', and this session to 'a'"):
        await writing.flush()
    writing.expunge_all()


async def test_an_object_cannot_move_to_another_tenant(writing: AsyncSession) -> None:
    pet = (await writing.exec(select(Pet))).one()
    pet.organization_id = "b"
    with pytest.raises(ValueError, match="Pet belongs to tenant 'b'"):
        await writing.flush()
    writing.expunge_all()


async def test_update_and_delete_reach_the_tenants_rows_alone(filled: Database, store: Store, turn_id: str) -> None:
    async with store.transaction("a", turn_id=turn_id, token=1) as session:
        assert (await session.exec(update(Pet).values(name=P.name + "!"))).rowcount == 1
        assert (await session.exec(delete(Visit))).rowcount == 2
    assert [row["name"] for row in filled.rows("SELECT name FROM test_pets ORDER BY id")] == ["pet a!", "pet b"]
    assert filled.count("test_visits", "organization_id = 'b'") == filled.count("test_visits") == 2


async def test_an_update_cannot_move_rows_to_another_tenant(writing: AsyncSession) -> None:
    with pytest.raises(ValueError, match="belongs to tenant 'b'"):
        await writing.exec(update(Pet).values(organization_id="b"))


async def test_an_update_by_a_list_of_keys_is_refused(writing: AsyncSession) -> None:
    with pytest.raises(ValueError, match=r"use where\(\) and values\(\)"):
        await writing.exec(update(Pet), params=[{"id": 2, "name": "x"}])


@pytest.mark.parametrize(
    ("statement", "params"),
    [
        (lambda: insert(Pet), [{"name": "x"}, {"name": "y", "organization_id": "a"}]),
        (lambda: insert(Pet), {"name": "x"}),
        (lambda: insert(Pet).values(name="x"), None),
        (
            lambda: insert(Pet).values([{"name": "x", "organization_id": "a"}, {"name": "y", "organization_id": "a"}]),
            None,
        ),
        (lambda: insert(Pet).returning(P.id), [{"name": "x"}]),
    ],
)
async def test_inserts_get_the_tenant(
    filled: Database, store: Store, turn_id: str, statement: Callable[[], Any], params: Any
) -> None:
    async with store.transaction("a", turn_id=turn_id, token=1) as session:
        await session.exec(statement(), params=params)
    assert filled.count("test_pets", "name IN ('x', 'y')") >= 1
    assert filled.count("test_pets", "name IN ('x', 'y') AND organization_id <> 'a'") == 0


@pytest.mark.parametrize(
    ("statement", "params"),
    [
        (lambda: insert(Pet), [{"name": "x"}, {"name": "y", "organization_id": "b"}]),
        (lambda: insert(Pet).values(name="x", organization_id="b"), None),
        (
            lambda: insert(Pet).values([{"name": "x", "organization_id": "a"}, {"name": "y", "organization_id": "b"}]),
            None,
        ),
        (lambda: insert(Pet).values([{"name": "x"}, {"name": "y"}]), None),
        (lambda: insert(Pet).from_select(["name"], select(C.name)), None),
    ],
)
async def test_inserts_for_another_tenant_are_refused(
    writing: AsyncSession, statement: Callable[[], Any], params: Any
) -> None:
    with pytest.raises(ValueError, match=r"tenant|organization_id"):
        await writing.exec(statement(), params=params)


async def test_bulk_methods_are_refused(writing: AsyncSession) -> None:
    for call in (
        lambda sync: sync.bulk_save_objects([Pet(name="x")]),
        lambda sync: sync.bulk_insert_mappings(Pet, [{"name": "x"}]),
        lambda sync: sync.bulk_update_mappings(Pet, [{"id": 2, "name": "x"}]),
    ):
        with pytest.raises(RuntimeError, match="not bound to the tenant"):
            await writing.run_sync(call)


async def test_the_transaction_is_not_the_plugins_to_end(writing: AsyncSession) -> None:
    with pytest.raises(RuntimeError, match=r"no commit\(\) here"):
        await writing.commit()
    with pytest.raises(RuntimeError, match=r"no rollback\(\) here"):
        await writing.rollback()


async def test_a_savepoint_is(filled: Database, store: Store, turn_id: str) -> None:
    async with store.transaction("a", turn_id=turn_id, token=1) as session:
        session.add(Pet(name="kept"))
        savepoint = await session.begin_nested()
        session.add(Pet(name="dropped"))
        await session.flush()
        await savepoint.rollback()
    assert [row["name"] for row in filled.rows("SELECT name FROM test_pets WHERE id > 2")] == ["kept"]


async def test_a_session_cannot_be_used_after_its_end(store: Store, filled: Database) -> None:
    async with store.tenant("a").read() as session:
        (pet,) = (await session.exec(select(Pet))).all()
    assert pet.name == "pet a"
    with pytest.raises(InvalidRequestError):
        await session.refresh(pet)
