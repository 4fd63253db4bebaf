"""The database behind a narrow contract: set-wise statements, group commit, sessions for plugins, migrations."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from auzap.storage.urls import is_postgres, sqlite_path

if TYPE_CHECKING:
    from auzap.storage.store import Store

__all__ = ["open_store"]


def open_store(url: str, base: Path, *, before_commit: Callable[[], None] = lambda: None, busy: float = 5.0) -> Store:
    """The store that a URL names, not yet entered.

    :param base: the folder that a relative path starts from.
    :param before_commit: called before every commit, in whatever thread commits.
    :param busy: seconds to wait for what another process has locked.
    :raises ConfigError: there is no such database, or its driver is not installed.
    """
    # here, because SQLModel takes half a second to import
    if is_postgres(url):
        from auzap.storage.dial import require_driver

        require_driver()
        from auzap.storage.postgres import PostgresStore

        return PostgresStore(url, before_commit=before_commit, busy=busy)
    path = sqlite_path(url, base)
    from auzap.storage.sqlite import SqliteStore

    return SqliteStore(path, before_commit=before_commit, busy=busy)
