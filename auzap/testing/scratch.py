"""Folders that are thrown away."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["scratch"]

#: of Linux; elsewhere there is none
_MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder, in memory where that can be: every write of a queue waits for the disk."""
    memory = _MEMORY if os.access(_MEMORY, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="auzap-", dir=memory) as folder:
        yield Path(folder)
