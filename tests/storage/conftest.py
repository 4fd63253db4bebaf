"""A fresh database for each test, and a store on it: on SQLite, and on Postgres."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from auzap.storage.store import Store
from tests.support.postgres import TEMPLATE, Cluster
from tests.support.stores import DATABASES, Database, PostgresDatabase, SqliteDatabase, fresh_file


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("templates")


@pytest.fixture(scope="session")
def server_url(postgres: Cluster) -> str:
    """One database for all tests: emptied before each, which is quicker than a new one."""
    return postgres.url(postgres.create(TEMPLATE))


@pytest.fixture
def on_postgres(server_url: str, tmp_path: Path) -> PostgresDatabase:
    """For tests of what Postgres alone has."""
    database = PostgresDatabase(server_url, tmp_path)
    database.empty()
    return database


@pytest.fixture
def on_sqlite(tmp_path: Path, templates: Path) -> SqliteDatabase:
    """For tests of what SQLite alone has."""
    return fresh_file(tmp_path, templates)


@pytest.fixture(params=DATABASES)
def database(request: pytest.FixtureRequest) -> Database:
    found: Database = request.getfixturevalue(f"on_{request.param}")
    return found


@pytest.fixture
async def store(database: Database) -> AsyncIterator[Store]:
    async with database.open() as opened:
        yield opened
