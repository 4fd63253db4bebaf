"""The database behind a narrow contract: set-wise statements, group commit, sessions for plugins, migrations."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from auzap.storage.urls import sqlite_path

if TYPE_CHECKING:
    from auzap.storage.store import Store

__all__ = ["open_store"]


def open_store(url: str, base: Path, *, before_commit: Callable[[], None] = lambda: None, busy: float = 5.0) -> Store:
    """The store that a URL names, not yet entered.

    :param base: the folder that a relative path starts from.
    :param before_commit: called before every commit, in whatever thread commits.
    :param busy: seconds to wait for another process's write.
    :raises ConfigError: there is no such database.
    """
    path = sqlite_path(url, base)
    from auzap.storage.sqlite import SqliteStore  # here, because SQLModel takes half a second to import

    return SqliteStore(path, before_commit=before_commit, busy=busy)
