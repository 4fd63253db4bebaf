"""The schema of a SQLite file: made, upgraded, taken over; each distribution by itself."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import MetaData, create_engine
from sqlmodel import Field, SQLModel

import auzap.tables
from auzap.model.errors import ConfigError, PluginError
from auzap.storage import open_store
from auzap.storage.migrate import PluginTables, pending, upgrade
from auzap.storage.store import Person
from tests.support.pets import Pet, Visit
from tests.support.revisions import upgrade_to
from tests.support.stores import TENANT, SqliteDatabase, arrival

URL = "sqlite:///auzap.db"
OWN = {
    str(table.__tablename__)
    for name in auzap.tables.__all__
    if hasattr(table := getattr(auzap.tables, name), "__table__")
}


class Note(SQLModel, table=True):
    __tablename__ = "test_notes"

    id: int | None = Field(default=None, primary_key=True)
    text: str


def rows(folder: Path, sql: str) -> list[Any]:
    with closing(sqlite3.connect(folder / "auzap.db")) as connection:
        return connection.execute(sql).fetchall()


def test_the_migrations_make_what_the_tables_declare(on_sqlite: SqliteDatabase) -> None:
    engine = create_engine(f"sqlite:///{on_sqlite.file}")
    with engine.connect() as connection:
        options = {"include_name": lambda name, kind, _: kind != "table" or name in OWN, "compare_type": True}
        declared = MetaData()
        for name in OWN:
            SQLModel.metadata.tables[name].to_metadata(declared)
        assert compare_metadata(MigrationContext.configure(connection, opts=options), declared) == []
    engine.dispose()
    assert len(OWN) == 15


def test_indexes_are_those_of_the_tables_to_the_letter(on_sqlite: SqliteDatabase, tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'declared.db'}")
    SQLModel.metadata.create_all(engine)
    with engine.connect() as connection:
        query = "SELECT tbl_name, name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
        declared = {tuple(row) for row in connection.exec_driver_sql(query) if row[0] in OWN}
    engine.dispose()
    migrated = {tuple(row.values()) for row in on_sqlite.rows(query) if row["tbl_name"] in OWN}
    assert migrated == declared


def test_a_new_database_is_behind_until_it_is_upgraded(tmp_path: Path) -> None:
    assert pending("sqlite:///deep/down/auzap.db", tmp_path) == ["auzap"]
    assert not (tmp_path / "deep").exists()
    assert upgrade("sqlite:///deep/down/auzap.db", tmp_path) == ["auzap"]
    assert pending("sqlite:///deep/down/auzap.db", tmp_path) == []
    assert upgrade("sqlite:///deep/down/auzap.db", tmp_path) == []


def test_alembic_is_imported_only_to_upgrade(on_sqlite: SqliteDatabase) -> None:
    code = (
        "import sys; from pathlib import Path; import auzap.storage; from auzap.storage.migrate import upgrade;"
        "upgrade(sys.argv[1], Path(sys.argv[2])); print([m for m in ('alembic', 'sqlmodel') if m in sys.modules])"
    )
    run = [sys.executable, "-c", code, on_sqlite.url, str(on_sqlite.folder)]
    assert subprocess.run(run, capture_output=True, text=True, check=True).stdout == "[]\n"


def test_a_database_that_is_newer_than_the_code_is_refused(on_sqlite: SqliteDatabase) -> None:
    with on_sqlite.connect() as connection:
        connection.execute("UPDATE alembic_version_auzap SET version_num = '9999'")
    for call in (pending, upgrade):
        with pytest.raises(ConfigError, match="newer than the code: auzap does not know its revision 9999"):
            call(on_sqlite.url, on_sqlite.folder)


async def test_tables_that_somebody_has_already_are_taken_over(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "auzap.db")) as connection:
        connection.executescript(
            """
            CREATE TABLE contacts (id TEXT PRIMARY KEY, organization_id TEXT, phone TEXT, name TEXT, status TEXT,
                                   loyalty_points INTEGER NOT NULL DEFAULT 0);
            CREATE TABLE conversations (id TEXT PRIMARY KEY, organization_id TEXT, instance_id TEXT, contact_id TEXT,
                                        status TEXT, ai_enabled BOOLEAN, first_message_at TEXT, last_message_at TEXT);
            CREATE TABLE messages (id TEXT PRIMARY KEY, organization_id TEXT, conversation_id TEXT, content TEXT);
            INSERT INTO contacts VALUES ('ana', 'abc123', '551190000010', 'Ana', 'active', 12);
            INSERT INTO conversations (id, organization_id, contact_id, status)
                VALUES ('talk', 'abc123', 'ana', 'active');
            INSERT INTO conversations (id, organization_id, contact_id, status, last_message_at)
                VALUES ('newest', 'abc123', 'ana', 'active', '2025-03-05 09:00:00.000000');
            """
        )
    assert upgrade(URL, tmp_path) == ["auzap"]
    async with open_store(URL, tmp_path) as store:
        person = Person(phone="5511990000010", lid=None, name="Ana")
        (recorded,) = await store.record([arrival(person=person)])
        async with store.tenant(TENANT).read() as session:
            contact = await session.get(auzap.tables.Contact, "ana")
    assert (recorded.contact_id, recorded.conversation_id, recorded.ai_enabled) == ("ana", "newest", True)
    assert rows(tmp_path, "SELECT id, status FROM conversations ORDER BY id") == [
        ("newest", "active"),
        ("talk", "closed"),
    ]
    assert contact is not None
    assert rows(tmp_path, "SELECT name, loyalty_points FROM contacts") == [("Ana", 12)]


# ------------------------------------------------------------------ plugins


def test_a_plugins_tables_without_migrations_are_made_as_declared(tmp_path: Path) -> None:
    plugins = [PluginTables("auzap-pets", None, (Pet, Visit))]
    assert upgrade(URL, tmp_path, plugins) == ["auzap", "auzap-pets"]
    assert pending(URL, tmp_path, [*plugins, PluginTables("notes", None, (Note,))]) == ["notes"]
    names = {name for (name,) in rows(tmp_path, "SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert {"test_pets", "test_visits"} < names
    assert "test_notes" not in names


def write_migration(folder: Path, name: str, revision: str, before: str | None, body: str) -> None:
    versions = folder / "versions"
    versions.mkdir(parents=True, exist_ok=True)
    (folder / "__init__.py").touch()
    (folder.parent / "__init__.py").touch()
    (versions / name).write_text(
        "import sqlalchemy as sa\nfrom alembic import op\n"
        f"revision: str = {revision!r}\ndown_revision: str | None = {before!r}\n\n"
        f"def upgrade() -> None:\n    {body}\n"
    )


@pytest.fixture
def demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A plugin's package ``auzap_demo_<test>.migrations`` with one migration."""
    package = tmp_path / "plugins" / f"auzap_demo_{tmp_path.name.replace('-', '_')}"
    folder = package / "migrations"
    write_migration(folder, "a1_first.py", "f00", None, "op.create_table('demo', sa.Column('id', sa.String()))")
    monkeypatch.syspath_prepend(str(package.parent))
    return folder


def demo_tables(folder: Path) -> PluginTables:
    return PluginTables("Auzap.Demo", f"{folder.parent.name}.migrations", ())


def test_a_plugins_migrations_have_a_version_table_of_their_own(tmp_path: Path, demo: Path) -> None:
    plugins = [demo_tables(demo)]
    assert pending(URL, tmp_path, plugins) == ["auzap", "Auzap.Demo"]
    assert upgrade(URL, tmp_path, plugins) == ["auzap", "Auzap.Demo"]
    assert rows(tmp_path, "SELECT version_num FROM alembic_version_auzap_demo") == [("f00",)]
    # file names do not tell the order, the revisions do
    write_migration(demo, "a0_second.py", "b01", "f00", "op.add_column('demo', sa.Column('name', sa.String()))")
    assert pending(URL, tmp_path, plugins) == ["Auzap.Demo"]
    assert upgrade(URL, tmp_path, plugins) == ["Auzap.Demo"]
    assert rows(tmp_path, "SELECT id, name FROM demo") == []


def test_an_uninstalled_plugin_stands_in_nobodys_way(tmp_path: Path, demo: Path) -> None:
    upgrade(URL, tmp_path, [demo_tables(demo)])
    assert pending(URL, tmp_path) == []
    assert upgrade(URL, tmp_path, [PluginTables("notes", None, (Note,))]) == ["notes"]


def test_a_migration_that_fails_changes_nothing_and_names_its_distribution(tmp_path: Path, demo: Path) -> None:
    write_migration(demo, "a2_bad.py", "bad", "f00", "op.create_table('half', sa.Column('id', sa.String())); 1 / 0")
    with pytest.raises(PluginError, match=r"Auzap\.Demo: its migration failed: ZeroDivisionError"):
        upgrade(URL, tmp_path, [demo_tables(demo)])
    assert pending(URL, tmp_path, [demo_tables(demo)]) == ["Auzap.Demo"]
    names = {name for (name,) in rows(tmp_path, "SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert "contacts" in names
    assert not names & {"demo", "half"}


def test_migrations_that_cannot_be_found_or_part_are_a_plugins_error(tmp_path: Path, demo: Path) -> None:
    with pytest.raises(PluginError, match=r"nowhere_at_all\.migrations"):
        pending(URL, tmp_path, [PluginTables("x", "nowhere_at_all.migrations", ())])
    with pytest.raises(PluginError, match="folder versions"):
        pending(URL, tmp_path, [PluginTables("x", "auzap.model", ())])
    write_migration(demo, "a2_other.py", "c02", "f00", "pass")
    write_migration(demo, "a3_other.py", "c03", "f00", "pass")
    with pytest.raises(PluginError, match="must end in one revision"):
        pending(URL, tmp_path, [demo_tables(demo)])


# ------------------------------------------------------------------ databases of earlier versions


def test_a_file_of_the_first_version_goes_on_with_all_its_rows(tmp_path: Path) -> None:
    folder = tmp_path / "versions"
    folder.mkdir()
    upgrade_to(URL, tmp_path, "0001", folder)
    assert pending(URL, tmp_path) == ["auzap"]
    with closing(sqlite3.connect(tmp_path / "auzap.db")) as connection, connection:
        connection.execute(
            "INSERT INTO auzap_outbox (id, organization_id, instance_id, ordinal, chat_id, content, state, attempts,"
            " lease_token, created_at, updated_at)"
            " VALUES ('r', 'abc123', 'main', 0, 'x', 'Olá', 'sent', 1, 7, '2026-01-01', '2026-01-01')"
        )
    (before,) = rows(tmp_path, "SELECT * FROM auzap_outbox")
    assert upgrade(URL, tmp_path) == ["auzap"]
    assert rows(tmp_path, "SELECT * FROM auzap_outbox") == [(*before, None)]
    assert pending(URL, tmp_path) == []
