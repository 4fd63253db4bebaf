"""Shared by all tests."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.postgres import Cluster, shared_cluster

#: processes of the tests write as a user's do
os.environ.pop("PYTHONUNBUFFERED", None)

#: in a test's path or parameters: it runs against Redis, Postgres or a Node program
_SERVERS = re.compile(r"redis|postgres|supabase|bullmq|chaos|probe_fair|probe_servers|servers")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if _SERVERS.search(item.nodeid.partition("tests/")[2]):
            item.add_marker(pytest.mark.servers)
        if "soak" in item.keywords:
            item.add_marker(pytest.mark.timeout(0))  # how long it takes is what it is for


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all processes of this run share."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session")
def postgres(run_folder: Path) -> Iterator[Cluster]:
    """The Postgres of this process; ``with postgres.database(tmp_path) as database`` gives a test one of its own."""
    with shared_cluster(run_folder) as cluster:
        yield cluster
