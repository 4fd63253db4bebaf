"""A queue file seen from outside: nothing is made or written."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from auzap.contract.queue import Inspection
from auzap.model.errors import ConfigError, QueueUnavailable
from auzap.queues.sqlite.schema import check_version, telling
from auzap.sqlite import read_only, unwritable

__all__ = ["dead_ids", "inspect"]


def inspect(path: Path) -> Inspection:
    why = unwritable(path)
    mistakes = [] if why is None else [f"queue {path}: {why}"]
    if not path.is_file():
        return Inspection(str(path), there=False, mistakes=tuple(mistakes))
    try:
        with telling(path), closing(read_only(path)) as connection:
            version = check_version(connection, path)
    except (ConfigError, QueueUnavailable) as error:
        return Inspection(str(path), there=True, mistakes=(*mistakes, str(error)))
    return Inspection(str(path), there=version > 0, mistakes=tuple(mistakes))


def dead_ids(path: Path, prefix: str, limit: int) -> list[str]:
    if not path.is_file():
        return []
    with telling(path), closing(read_only(path)) as connection:
        if not check_version(connection, path):
            return []
        rows = connection.execute(
            "SELECT id FROM envelopes INDEXED BY envelopes_dead WHERE state = 'dead' AND id >= ? ORDER BY id LIMIT ?",
            (prefix, limit),
        )
        return [name for (name,) in rows if name.startswith(prefix)]
