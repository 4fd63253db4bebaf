"""Customers: one person is one contact with one active conversation."""

from __future__ import annotations

import pytest

from auzap.storage.store import Person, Recorded, Store
from tests.support.stores import TENANT, Database, arrival

WITH_NINE, WITHOUT = "5511990000010", "551190000010"
LID = "199900000000001@lid"


def person(phone: str | None = None, lid: str | None = None, name: str | None = None) -> Person:
    return Person(phone=phone, lid=lid, name=name)


async def meet(store: Store, who: Person, **facts: object) -> Recorded:
    (recorded,) = await store.record([arrival(person=who, **facts)])  # type: ignore[arg-type]
    return recorded


def add_contact(database: Database, id_: str, phone: str, created_at: str, organization_id: str = TENANT) -> None:
    with database.connect() as connection:
        connection.execute(
            "INSERT INTO contacts (organization_id, id, phone, name, status, created_at, updated_at)"
            " VALUES (?, ?, ?, ?, 'active', ?, ?)",
            (organization_id, id_, phone, phone, created_at, created_at),
        )


def add_conversation(database: Database, id_: str, contact_id: str, last: str, status: str = "active") -> None:
    with database.connect() as connection:
        connection.execute(
            "INSERT INTO conversations"
            " (organization_id, id, contact_id, status, ai_enabled, last_message_at, created_at)"
            " VALUES (?, ?, ?, ?, true, ?, ?)",
            (TENANT, id_, contact_id, status, last, last),
        )


@pytest.mark.parametrize(("first", "then"), [(WITH_NINE, WITHOUT), (WITHOUT, WITH_NINE)])
async def test_the_ninth_digit_makes_no_second_person(store: Store, database: Database, first: str, then: str) -> None:
    one, two = await meet(store, person(first)), await meet(store, person(then))
    assert (one.contact_id, one.conversation_id) == (two.contact_id, two.conversation_id)
    assert database.one("SELECT phone, name FROM contacts") == {"phone": first, "name": first}


async def test_a_person_known_by_lid_only_is_kept_under_the_lid(store: Store, database: Database) -> None:
    await meet(store, person(lid=LID, name="Bia"))
    assert database.one("SELECT phone, name FROM contacts") == {"phone": LID, "name": "Bia"}
    assert database.rows("SELECT kind, value FROM contact_identities") == [{"kind": "lid", "value": LID}]


async def test_a_phone_that_is_learned_later_goes_to_the_person_of_the_lid(store: Store, database: Database) -> None:
    by_lid = await meet(store, person(lid=LID))
    both = await meet(store, person(WITH_NINE, LID, "Bia"))
    by_phone = await meet(store, person(WITHOUT))
    assert by_lid.contact_id == both.contact_id == by_phone.contact_id
    assert by_lid.conversation_id == by_phone.conversation_id
    assert database.one("SELECT phone, name FROM contacts") == {"phone": WITH_NINE, "name": "Bia"}


async def test_a_contact_of_the_seeds_is_found_by_any_form_of_its_number(store: Store, database: Database) -> None:
    add_contact(database, "seed", WITHOUT, "2025-01-01 00:00:00.000000")
    add_conversation(database, "talk", "seed", "2025-01-01 00:00:00.000000")
    recorded = await meet(store, person(WITH_NINE, name="Bia"))
    assert (recorded.contact_id, recorded.conversation_id) == ("seed", "talk")
    assert database.one("SELECT phone, name FROM contacts") == {"phone": WITHOUT, "name": WITHOUT}


async def test_the_oldest_of_duplicate_contacts_wins(store: Store, database: Database) -> None:
    add_contact(database, "b", WITH_NINE, "2025-03-01 00:00:00.000000")
    add_contact(database, "c", WITHOUT, "2025-02-01 00:00:00.000000")
    add_contact(database, "a", WITHOUT, "2025-02-01 00:00:00.000000")
    add_contact(database, "z", WITHOUT, "2024-01-01 00:00:00.000000", organization_id="other")
    assert (await meet(store, person(WITH_NINE))).contact_id == "a"
    assert database.count("contacts") == 4


async def test_two_contacts_that_prove_to_be_one_person_become_the_older_one(store: Store, database: Database) -> None:
    by_lid = await meet(store, person(lid=LID))
    by_phone = await meet(store, person(WITH_NINE))
    assert by_lid.contact_id != by_phone.contact_id
    both = await meet(store, person(WITH_NINE, LID))
    assert (both.contact_id, both.conversation_id) == (by_lid.contact_id, by_lid.conversation_id)
    assert (await meet(store, person(WITHOUT))).contact_id == by_lid.contact_id
    assert {row["contact_id"] for row in database.rows("SELECT * FROM contact_identities")} == {by_lid.contact_id}
    states = {row["id"]: row["status"] for row in database.rows("SELECT id, status FROM conversations")}
    assert states == {by_lid.conversation_id: "active", by_phone.conversation_id: "closed"}
    assert database.one("SELECT phone FROM contacts WHERE id = ?", by_lid.contact_id) == {"phone": WITH_NINE}
    assert database.count("auzap_active") == 1


async def test_a_burst_may_show_that_two_contacts_are_one_person(store: Store, database: Database) -> None:
    by_lid = await meet(store, person(lid=LID))
    await meet(store, person(WITH_NINE))
    burst = [arrival(person=person(WITH_NINE)), arrival(person=person(WITH_NINE, LID))]
    assert [one.contact_id for one in await store.record(burst)][1] == by_lid.contact_id
    assert database.count("conversations", "status = 'active'") == 1


@pytest.mark.parametrize("taken", ["older", "younger", None])
async def test_who_was_taken_over_under_one_address_stays_so_when_both_prove_to_be_one(
    store: Store, database: Database, taken: str | None
) -> None:
    by_lid, by_phone = await meet(store, person(lid=LID)), await meet(store, person(WITH_NINE))
    if taken is not None:
        who = person(lid=LID) if taken == "older" else person(WITH_NINE)
        assert await store.take_over(TENANT, who, at=by_phone.began_at)
    both = await meet(store, person(WITH_NINE, LID))
    assert (both.conversation_id, both.ai_enabled) == (by_lid.conversation_id, taken is None)
    row = database.one("SELECT taken_over_at FROM conversations WHERE status = 'active'")
    assert (row["taken_over_at"] is not None) == (taken is not None)
    assert await store.hand_back(TENANT, person(WITH_NINE)) == (await meet(store, person(lid=LID))).ai_enabled


async def test_the_younger_contacts_conversation_moves_where_the_older_has_none(
    store: Store, database: Database
) -> None:
    by_lid = await meet(store, person(lid=LID))
    by_phone = await meet(store, person(WITH_NINE))
    with database.connect() as connection:
        connection.execute("UPDATE conversations SET status = 'closed' WHERE id = ?", (by_lid.conversation_id,))
    both = await meet(store, person(WITH_NINE, LID))
    assert (both.contact_id, both.conversation_id) == (by_lid.contact_id, by_phone.conversation_id)
    row = database.one("SELECT contact_id, status FROM conversations WHERE id = ?", by_phone.conversation_id)
    assert row == {"contact_id": by_lid.contact_id, "status": "active"}


async def test_two_contacts_without_conversations_become_one_too(store: Store, database: Database) -> None:
    await meet(store, person(lid=LID))
    await meet(store, person(WITH_NINE))
    with database.connect() as connection:
        connection.execute("UPDATE conversations SET status = 'closed'")
    both = await meet(store, person(WITH_NINE, LID))
    assert database.count("conversations", "status = 'active'") == database.count("auzap_active") == 1
    assert database.one("SELECT contact_id FROM auzap_active") == {"contact_id": both.contact_id}


async def test_a_conversation_closed_elsewhere_is_replaced_by_a_new_one(store: Store, database: Database) -> None:
    first = await meet(store, person(WITH_NINE))
    with database.connect() as connection:
        connection.execute("UPDATE conversations SET status = 'closed', ai_enabled = false")
    second = await meet(store, person(WITH_NINE))
    assert second.conversation_id != first.conversation_id
    assert second.contact_id == first.contact_id
    assert second.ai_enabled


async def test_where_another_one_is_active_the_newest_is_adopted(store: Store, database: Database) -> None:
    first = await meet(store, person(WITH_NINE))
    assert first.contact_id is not None
    with database.connect() as connection:
        connection.execute("UPDATE conversations SET status = 'closed'")
    add_conversation(database, "older", first.contact_id, "2025-01-01 00:00:00.000000")
    add_conversation(database, "newer", first.contact_id, "2025-02-01 00:00:00.000000")
    add_conversation(database, "closed", first.contact_id, "2025-03-01 00:00:00.000000", status="closed")
    assert (await meet(store, person(WITH_NINE))).conversation_id == "newer"
    assert database.one("SELECT conversation_id FROM auzap_active") == {"conversation_id": "newer"}


async def test_each_message_moves_the_end_of_its_conversation(store: Store, database: Database) -> None:
    await meet(store, person(WITH_NINE))
    before = database.one("SELECT * FROM conversations")
    await meet(store, person(WITH_NINE), instance_id="second")
    after = database.one("SELECT * FROM conversations")
    assert after["last_message_at"] > before["last_message_at"] == before["first_message_at"]
    assert (after["first_message_at"], after["instance_id"]) == (before["first_message_at"], "main")


async def test_a_contact_deleted_elsewhere_is_made_anew(store: Store, database: Database) -> None:
    first = await meet(store, person(WITH_NINE))
    with database.connect() as connection:
        for table in ("messages", "conversations", "contacts"):
            connection.execute(f"DELETE FROM {table}")
    second = await meet(store, person(WITH_NINE))
    assert second.contact_id != first.contact_id
    assert database.count("contacts") == 1


async def test_ai_off_and_taken_over_are_told(store: Store) -> None:
    await meet(store, person(WITH_NINE))
    recorded = await meet(store, person(WITH_NINE))
    assert await store.take_over(TENANT, person(WITHOUT), at=recorded.began_at)
    told = await meet(store, person(WITH_NINE))
    assert (told.ai_enabled, told.taken_over) == (False, False)
    assert await store.hand_back(TENANT, person(WITHOUT))
    assert (await meet(store, person(WITH_NINE))).ai_enabled


async def test_somebody_without_any_address_has_no_contact(store: Store, database: Database) -> None:
    recorded = await meet(store, person())
    assert (recorded.contact_id, recorded.state) == (None, "received")
    assert database.count("contacts") == 0
