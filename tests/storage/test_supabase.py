"""A Supabase database with the TypeScript worker's rows goes on under auzap, and no row of it is lost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from auzap.model.errors import ConfigError
from auzap.storage.migrate import pending, upgrade
from auzap.storage.store import Person
from tests.support.postgres import Cluster, PostgresDatabase
from tests.support.revisions import upgrade_to
from tests.support.stores import arrival
from tests.support.supabase import ORGANIZATION, contents, fill, oldest_contacts

BASE = Path("/")


@pytest.fixture
def empty(postgres: Cluster, tmp_path: Path) -> Iterator[PostgresDatabase]:
    with postgres.database(tmp_path, empty=True) as made:
        yield made


@pytest.mark.parametrize("kind", ["uuid", "text"])
async def test_no_row_is_lost_or_changed_and_each_person_has_one_contact_and_one_conversation(
    empty: PostgresDatabase, kind: str
) -> None:
    fill(empty, kind)
    before, oldest = contents(empty), oldest_contacts(empty)
    assert pending(empty.url, BASE) == ["auzap"]
    assert upgrade(empty.url, BASE) == ["auzap"]
    assert contents(empty) == before
    assert before["contacts"]["n"] == 1500

    # the oldest of duplicate contacts wins
    linked = empty.rows("SELECT right(value, 7) AS who, contact_id FROM contact_identities")
    assert {row["who"]: row["contact_id"] for row in linked} == oldest
    assert len(linked) == 1000

    # older active conversations are closed, the newest stays, the others are as they were
    newest = empty.rows(
        "SELECT DISTINCT ON (c.contact_id) c.contact_id::text AS contact_id, id::text AS conversation_id "
        "FROM conversations c WHERE status::text <> 'archived' ORDER BY c.contact_id, last_message_at DESC"
    )
    active = empty.rows("SELECT contact_id, conversation_id FROM auzap_active")
    assert {tuple(row.values()) for row in active} == {tuple(row.values()) for row in newest}
    states = empty.rows("SELECT status::text, count(*) AS n FROM conversations GROUP BY 1")
    assert {row["status"]: row["n"] for row in states} == {
        "active": len(newest),
        "archived": 572,
        "closed": 4000 - 572 - len(newest),
    }

    # a customer's next message finds them, under either form of the number
    async with empty.open() as store:
        for phone in ("5511990000007", "551190000007"):
            person = Person(phone=phone, lid=None, name="Bia")
            heard = arrival(organization_id=ORGANIZATION, instance_id=ORGANIZATION, person=person)
            (recorded,) = await store.record([heard])
            assert recorded.contact_id == oldest["0000007"]
            assert {"contact_id": recorded.contact_id, "conversation_id": recorded.conversation_id} in newest
        owners = await store.owners(ORGANIZATION)
    assert sorted(owner.phone for owner in owners) == ["5511900000001", "5511900000002"]  # the third is not active
    assert empty.count("messages") == before["messages"]["n"] + 2


def test_one_that_the_first_version_took_over_goes_on_with_all_its_rows(
    empty: PostgresDatabase, tmp_path: Path
) -> None:
    empty.rows("CREATE ROLE anon LOGIN")
    try:
        fill(empty, "uuid")
        upgrade_to(empty.url, BASE, "0001", tmp_path)
        before = contents(empty), everything(empty, "SELECT * FROM contact_identities")
        assert pending(empty.url, BASE) == ["auzap"]
        assert upgrade(empty.url, BASE) == ["auzap"]
        assert (contents(empty), everything(empty, "SELECT * FROM contact_identities")) == before
        hidden = "SELECT relname FROM pg_class WHERE relname LIKE 'auzap\\_%' AND relkind = 'r' AND NOT relrowsecurity"
        assert everything(empty, hidden) == set(), "strangers see a table"
    finally:
        empty.rows("DROP OWNED BY anon; DROP ROLE anon")


def everything(database: PostgresDatabase, query: str) -> set[tuple[Any, ...]]:
    return {tuple(row.values()) for row in database.rows(query)}


def test_only_columns_and_plain_indexes_are_added_to_tables_that_were_there(empty: PostgresDatabase) -> None:
    fill(empty, "uuid")
    tables = "('contacts', 'conversations', 'messages', 'ai_interactions', 'aurora_proactive_messages')"
    its_columns = "table_name, column_name, data_type, is_nullable, column_default"
    kept = (
        f"SELECT {its_columns} FROM information_schema.columns WHERE table_name IN {tables}",
        f"SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid::regclass::text IN {tables}",
        f"SELECT tablename, indexdef FROM pg_indexes WHERE tablename IN {tables}",
        f"SELECT relname, relrowsecurity FROM pg_class WHERE relname IN {tables}",
    )
    before = [everything(empty, query) for query in kept]
    upgrade(empty.url, BASE)
    after = [everything(empty, query) for query in kept]
    assert [was - now for was, now in zip(before, after, strict=True)] == [set()] * 4
    columns, constraints, indexes, rules = (now - was for was, now in zip(before, after, strict=True))
    assert columns == {("conversations", "taken_over_at", "timestamp with time zone", "YES", None)}
    assert not constraints
    assert not rules
    assert indexes
    assert not [text for _, text in indexes if "UNIQUE" in text]
    # there is one like it, under another name
    assert not [text for _, text in indexes if "contacts USING btree (organization_id, phone)" in text]


def test_a_word_for_closed_that_the_table_does_not_take_is_not_written(empty: PostgresDatabase) -> None:
    fill(empty, "text")
    empty.rows("ALTER TABLE conversations ADD CHECK (status IN ('active', 'archived'))")
    before = contents(empty)
    upgrade(empty.url, BASE)
    assert contents(empty) == before
    assert empty.count("conversations", "status = 'closed'") == 0
    assert empty.count("auzap_active") > 1000


def test_whoever_has_supabases_public_key_sees_none_of_auzaps_rows(postgres: Cluster, empty: PostgresDatabase) -> None:
    empty.rows("CREATE ROLE anon LOGIN")
    try:
        empty.rows("ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON TABLES TO anon")  # as Supabase does
        fill(empty, "uuid")
        upgrade(empty.url, BASE)
        stranger = replace(empty, url=postgres.url(empty.name, user="anon"))
        for table in ("contact_identities", "auzap_active", "owner_numbers", "alembic_version_auzap"):
            assert empty.count(table) > 0
            assert stranger.count(table) == 0
    finally:
        empty.rows("DROP OWNED BY anon; DROP ROLE anon")


# ------------------------------------------------------------------ what auzap cannot work with


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            "CREATE TABLE contacts (id bigserial PRIMARY KEY, organization_id text)",
            r"contacts\.id is bigint: auzap's ids",
        ),
        (
            "CREATE TABLE contacts (id uuid PRIMARY KEY, organization_id text, phone text, shop text NOT NULL)",
            r"contacts\.shop must not be empty and has no default",
        ),
    ],
)
def test_tables_that_auzap_cannot_work_with_are_refused_and_left_alone(
    empty: PostgresDatabase, change: str, told: str
) -> None:
    empty.rows(change)
    with pytest.raises(ConfigError, match=told):
        upgrade(empty.url, BASE)
    assert empty.one("SELECT to_regclass('auzap_inbox') IS NULL AS gone") == {"gone": True}


def test_a_role_that_sees_only_some_rows_is_refused(postgres: Cluster, empty: PostgresDatabase) -> None:
    """It would take customers for new ones."""
    fill(empty, "uuid")
    empty.rows("CREATE ROLE short_sighted LOGIN")
    try:
        empty.rows(
            "GRANT ALL ON SCHEMA public TO short_sighted; GRANT ALL ON ALL TABLES IN SCHEMA public TO short_sighted"
        )
        with pytest.raises(ConfigError, match="row-level security hides rows of contacts from short_sighted"):
            upgrade(postgres.url(empty.name, user="short_sighted"), BASE)
    finally:
        empty.rows("DROP OWNED BY short_sighted; DROP ROLE short_sighted")
