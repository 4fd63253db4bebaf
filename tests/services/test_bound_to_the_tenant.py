"""Two tenants with the same contact and the same plugin: nothing crosses, by any service."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import pytest
import structlog
from sqlmodel import col, delete, select, update

from auzap.contract.services import Services
from auzap.logs import configure
from auzap.model.turn import Chat
from auzap.services import Kit
from auzap.services.state import TurnStates
from auzap.storage.store import Recorded, Store
from auzap.tables import Contact, MessageRow, OutboxRow, StateRow
from tests.support.pets import Pet
from tests.support.services import Site, services_of
from tests.support.stores import SqliteDatabase, arrival, decision

CHAT = Chat("main", "5511900000010@s.whatsapp.net")


@pytest.fixture
async def kit(store: Store) -> AsyncIterator[Kit]:
    made = Kit(store)
    yield made
    await made.aclose()


@pytest.fixture
def a(kit: Kit) -> Services:
    return services_of(kit, "a", instances=("main", "only-a"))


@pytest.fixture
def b(kit: Kit) -> Services:
    return services_of(kit, "b")


@pytest.fixture
async def turns(store: Store) -> dict[str, Recorded]:
    """The same person has written to both."""
    heard = {one: await store.record([arrival(organization_id=one, content=f"segredo de {one}")]) for one in "ab"}
    return {one: recorded for one, (recorded,) in heard.items()}


@pytest.mark.usefixtures("turns")
async def test_no_row_crosses(a: Services, b: Services, database: SqliteDatabase) -> None:
    async with a.store.transaction() as session:
        session.add(Pet(name="Rex"))
    await a.outbox.send("só de a", chat=CHAT)
    async with b.store.read() as session:
        assert (await session.exec(select(Pet))).all() == []
        assert (await session.exec(select(OutboxRow))).all() == []
        assert [row.organization_id for row in (await session.exec(select(Contact))).all()] == ["b"]
        assert [row.content for row in (await session.exec(select(MessageRow))).all()] == ["segredo de b"]
        assert await session.get(Pet, database.one("SELECT id FROM test_pets")["id"]) is None
    async with b.store.transaction() as session:
        assert (await session.exec(update(Pet).values(name="meu"))).rowcount == 0
        assert (await session.exec(delete(Contact).where(col(Contact.organization_id) == "a"))).rowcount == 0
        session.add(Pet(name="Mia"))
    told = {(row["organization_id"], row["name"]) for row in database.rows("SELECT * FROM test_pets")}
    assert told == {("a", "Rex"), ("b", "Mia")}


async def test_no_state_crosses(
    store: Store, turns: dict[str, Recorded], b: Services, database: SqliteDatabase
) -> None:
    states = {one: TurnStates(store, one, CHAT) for one in "ab"}
    states["a"].of("vendas").set("cupom", "A10")
    assert await states["b"].of("vendas").get("cupom") is None
    for one in "ab":
        decided = replace(decision(turns[one], "Olá", state=states[one].changes()), organization_id=one)
        await store.persist(decided)
    assert await TurnStates(store, "b", CHAT).of("vendas").get("cupom") is None
    again = TurnStates(store, "b", CHAT)
    again.of("vendas").delete("cupom")
    (turn,) = await store.record([arrival(organization_id="b")])
    await store.persist(replace(decision(turn, "Olá", state=again.changes()), organization_id="b"))
    assert await TurnStates(store, "a", CHAT).of("vendas").get("cupom") == "A10"
    async with b.store.read() as session:
        assert (await session.exec(select(StateRow))).all() == []
    assert database.count("auzap_state") == 1


@pytest.mark.usefixtures("turns")
async def test_no_key_and_no_instance_crosses(a: Services, b: Services, database: SqliteDatabase) -> None:
    ids = [await one.outbox.send("Oi", phone="11 90000-0010", instance_id="main", key="k") for one in (a, b)]
    rows = database.rows(
        "SELECT o.organization_id AS o, c.organization_id AS c FROM auzap_outbox o"
        " JOIN conversations c ON c.id = o.conversation_id ORDER BY 1"
    )
    assert len(set(ids)) == 2
    assert [tuple(row.values()) for row in rows] == [("a", "a"), ("b", "b")]
    with pytest.raises(ValueError, match="no instance only-a; tenant b has main"):
        await b.outbox.send("Oi", phone="11 90000-0010", instance_id="only-a")
    with pytest.raises(ValueError, match="no instance only-a; tenant b has main"):
        await b.outbox.send("Oi", chat=Chat("only-a", CHAT.chat_id))


async def test_an_owner_of_one_is_a_customer_of_the_other(
    store: Store, a: Services, b: Services, database: SqliteDatabase
) -> None:
    await store.ensure_owners("a", ["5511900000001"])
    for one in (a, b):
        await one.outbox.send("Oi", phone="11 90000-0001", instance_id="main")
    assert [row["organization_id"] for row in database.rows("SELECT organization_id FROM contacts")] == ["b"]


async def test_no_header_and_no_cookie_crosses(a: Services, b: Services) -> None:
    async with Site.start() as site:
        a.http().headers["x-key"] = "segredo"
        a.http().cookies.set("session", "segredo")
        await a.http().get(site.url, auth=("a", "segredo"))
        await b.http().get(site.url)
        await b.http().get(site.url)
    _, second, third = (" ".join(lines) for lines in site.heard)
    assert "segredo" not in second + third
    assert "authorization" not in second + third
    assert "who=n1" not in second + third
    assert site.connections == 1, "and yet over the same connection"


@pytest.fixture
def log_lines() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    written = io.StringIO()
    configure(json=True, stream=written)
    yield written
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def test_log_lines_say_whose_they_are(log_lines: io.StringIO) -> None:
    kit = Kit(None)
    for tenant in ("a", "b"):
        services_of(kit, tenant).log.info("Sold", what="ração")
    lines = [json.loads(line) for line in log_lines.getvalue().splitlines()]
    assert [(line["organization_id"], line["plugin"]) for line in lines] == [("a", "vendas"), ("b", "vendas")]
