"""The queue in one SQLite file: no server, and any number of processes of one machine."""

from __future__ import annotations

from auzap.queues.sqlite.queue import SqliteQueue

__all__ = ["SqliteQueue"]
