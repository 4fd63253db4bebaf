"""The store on a Postgres database."""

from __future__ import annotations

from auzap.storage.postgres.store import PostgresStore

__all__ = ["PostgresStore"]
