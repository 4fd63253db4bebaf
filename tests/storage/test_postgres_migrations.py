"""The schema on Postgres: made by many at once, looked at, refused in one line."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, MetaData
from sqlalchemy.ext.asyncio import create_async_engine
from sqlmodel import Field, SQLModel

import auzap.tables
from auzap.config.models import Database
from auzap.model.errors import ConfigError, PluginError, StoreUnavailable
from auzap.storage.migrate import PluginTables, pending, revisions, upgrade
from tests.support.postgres import GUARDED, PASSWORD, Cluster, PostgresDatabase, blocking

OWN = {
    str(table.__tablename__)
    for name in auzap.tables.__all__
    if hasattr(table := getattr(auzap.tables, name), "__table__")
}
BASE = Path("/")


class Memo(SQLModel, table=True):
    __tablename__ = "test_memos"

    id: int | None = Field(default=None, primary_key=True)
    text: str


@pytest.fixture
def database(postgres: Cluster, tmp_path: Path) -> Iterator[PostgresDatabase]:
    """With auzap's tables."""
    with postgres.database(tmp_path) as made:
        yield made


@pytest.fixture
def empty(postgres: Cluster, tmp_path: Path) -> Iterator[PostgresDatabase]:
    with postgres.database(tmp_path, empty=True) as made:
        yield made


def test_the_migrations_make_what_the_tables_declare_on_postgres(database: PostgresDatabase) -> None:
    declared = MetaData()
    for name in OWN:
        SQLModel.metadata.tables[name].to_metadata(declared)
    options = {"include_name": lambda name, kind, _: kind != "table" or name in OWN, "compare_type": True}

    def compare(connection: Connection) -> Any:
        return compare_metadata(MigrationContext.configure(connection, opts=options), declared)

    async def differences() -> Any:
        engine = create_async_engine(database.url.replace("postgresql:", "postgresql+asyncpg:"))
        async with engine.connect() as connection:
            found = await connection.run_sync(compare)
        await engine.dispose()
        return found

    assert blocking(differences) == []


async def test_a_new_database_is_behind_until_it_is_upgraded_on_postgres(empty: PostgresDatabase) -> None:
    """Also while an event loop runs in this thread."""
    plugins = [PluginTables("auzap-memo", None, (Memo,))]
    assert pending(empty.url, BASE, plugins) == ["auzap", "auzap-memo"]
    assert revisions(empty.url, BASE, plugins) == {}
    assert upgrade(empty.url, BASE, plugins) == ["auzap", "auzap-memo"]
    assert pending(empty.url, BASE, plugins) == upgrade(empty.url, BASE, plugins) == []
    assert revisions(empty.url, BASE, plugins) == {"auzap": "0002"}
    assert empty.count("test_memos") == 0


def test_to_look_whether_the_schema_is_behind_imports_neither_alembic_nor_sqlalchemy(
    database: PostgresDatabase,
) -> None:
    code = (
        "import sys; from pathlib import Path; from auzap.storage.migrate import pending, upgrade;"
        "pending(sys.argv[1], Path()), upgrade(sys.argv[1], Path());"
        "print([m for m in ('alembic', 'sqlmodel', 'sqlalchemy') if m in sys.modules])"
    )
    run = [sys.executable, "-c", code, database.url]
    assert subprocess.run(run, capture_output=True, text=True, check=True).stdout == "[]\n"


def test_many_processes_may_upgrade_at_once(empty: PostgresDatabase) -> None:
    code = "import sys; from pathlib import Path; from auzap.storage.migrate import upgrade;"
    run = [sys.executable, "-c", f"{code}print(upgrade(sys.argv[1], Path()))", empty.url]
    several = [subprocess.Popen(run, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(10)]
    told = [process.communicate(timeout=60) for process in several]
    assert sorted(out for out, _ in told) == ["['auzap']\n", *["[]\n"] * 9], told


def test_a_database_that_is_newer_than_the_code_is_refused_on_postgres(database: PostgresDatabase) -> None:
    database.rows("UPDATE alembic_version_auzap SET version_num = '9999'")
    for call in (pending, upgrade):
        with pytest.raises(ConfigError, match="newer than the code: auzap does not know its revision 9999"):
            call(database.url, BASE)


def test_a_migration_that_fails_changes_nothing_on_postgres(
    database: PostgresDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "auzap_halves"
    (package / "versions").mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "versions" / "a1.py").write_text(
        "import sqlalchemy as sa\nfrom alembic import op\nrevision = 'h1'\ndown_revision = None\n"
        "def upgrade():\n    op.create_table('half', sa.Column('id', sa.String()))\n    1 / 0\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    plugins = [PluginTables("Auzap.Halves", "auzap_halves", ())]
    with pytest.raises(PluginError, match=r"Auzap\.Halves: its migration failed: ZeroDivisionError"):
        upgrade(database.url, BASE, plugins)
    assert pending(database.url, BASE, plugins) == ["Auzap.Halves"]
    assert database.one("SELECT to_regclass('half') IS NULL AS gone") == {"gone": True}


async def test_a_busy_table_ends_an_upgrade_in_one_line_and_leaves_everything_as_it_was(
    empty: PostgresDatabase,
) -> None:
    import asyncpg

    empty.rows("CREATE TABLE contacts (id text PRIMARY KEY, organization_id text, phone text)")
    somebody = await asyncpg.connect(empty.url)
    try:
        async with somebody.transaction():
            await somebody.execute("LOCK TABLE contacts IN ROW EXCLUSIVE MODE")
            with pytest.raises(StoreUnavailable, match="somebody else holds the table; try again") as told:
                upgrade(f"{empty.url}?lock_timeout=200ms", BASE)
    finally:
        await somebody.close()
    assert "\n" not in str(told.value)
    assert empty.one("SELECT to_regclass('auzap_inbox') IS NULL AS gone") == {"gone": True}
    assert upgrade(empty.url, BASE) == ["auzap"]


# ------------------------------------------------------------------ who is not let in, and who is away


def dsn(postgres: Cluster, password: str) -> str:
    return Database.model_validate({"url": postgres.url(user=GUARDED), "password": password}).dsn


def test_a_password_goes_into_the_url_whatever_is_in_it(postgres: Cluster) -> None:
    url = dsn(postgres, PASSWORD)
    assert PASSWORD not in url
    assert pending(url, BASE) == ["auzap"]
    with pytest.raises(ConfigError, match="permission denied for schema public"):
        upgrade(url, BASE)


@pytest.mark.parametrize("call", [pending, revisions, upgrade])
def test_a_wrong_password_is_a_mistake_of_the_configuration(postgres: Cluster, call: Any) -> None:
    with pytest.raises(ConfigError, match=f'password authentication failed for user "{GUARDED}"') as told:
        call(dsn(postgres, "geheim"), BASE)
    assert re.match(r"127\.0\.0\.1:\d+/postgres: ", str(told.value))
    assert "geheim" not in str(told.value)


def test_a_database_that_is_not_there_is_a_mistake_of_the_configuration(postgres: Cluster) -> None:
    with pytest.raises(ConfigError, match='database "nowhere" does not exist'):
        pending(postgres.url("nowhere"), BASE)


def test_tls_that_the_server_does_not_speak_is_a_mistake_of_the_configuration(postgres: Cluster) -> None:
    with pytest.raises(ConfigError, match=r"speaks no TLS, and the URL asks for it \(sslmode\)"):
        pending(f"{postgres.url()}?sslmode=require", BASE)


def test_a_server_that_is_away_may_come_back(postgres: Cluster) -> None:
    with pytest.raises(StoreUnavailable, match=r"127\.0\.0\.1:1/db: connection refused"):
        pending("postgresql://somebody@127.0.0.1:1/db", BASE)
    with pytest.raises(StoreUnavailable, match=r"nowhere\.invalid:5432/db: no such host: "):
        pending("postgresql://somebody@nowhere.invalid/db", BASE)


def test_what_other_programs_keep_in_the_url_does_no_harm(database: PostgresDatabase) -> None:
    """Prisma's and Supabase's own: the server would refuse them as settings."""
    rest = "sslmode=prefer&pgbouncer=true&connection_limit=1&supa=base-pooler.x&application_name=loja"
    assert pending(f"{database.url}?{rest}", BASE) == []
    with pytest.raises(ConfigError, match="unrecognized configuration parameter"):
        pending(f"{database.url}?no_such_setting=1", BASE)
