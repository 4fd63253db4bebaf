"""A fresh database for each test, and a store on it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from auzap.storage.store import Store
from tests.support.stores import DATABASES, Database, fresh_database


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("templates")


@pytest.fixture(params=DATABASES)
def database(request: pytest.FixtureRequest, tmp_path: Path, templates: Path) -> Database:
    return fresh_database(str(request.param), tmp_path, templates)


@pytest.fixture
async def store(database: Database) -> AsyncIterator[Store]:
    async with database.open() as opened:
        yield opened
