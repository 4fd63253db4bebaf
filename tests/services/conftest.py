"""A store on a file of the test's own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from auzap.storage.store import Store
from tests.support.stores import SqliteDatabase, fresh_file


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("templates")


@pytest.fixture
def database(tmp_path: Path, templates: Path) -> SqliteDatabase:
    return fresh_file(tmp_path, templates)


@pytest.fixture
async def store(database: SqliteDatabase) -> AsyncIterator[Store]:
    async with database.open() as opened:
        yield opened
