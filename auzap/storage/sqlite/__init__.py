"""The store on one SQLite file."""

from __future__ import annotations

from auzap.storage.sqlite.store import SqliteStore

__all__ = ["SqliteStore"]
