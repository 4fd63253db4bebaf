"""What a configuration was read from: its files, those that its secrets stand in, and the patterns that found them."""

from __future__ import annotations

import glob
import hashlib
from pathlib import Path
from typing import TypeAlias

__all__ = ["Seen", "Snapshot"]

#: of each file what is in it, None where it cannot be read; of each pattern what it finds
Snapshot: TypeAlias = "dict[Path | str, bytes | tuple[str, ...] | None]"


class Seen:
    """Filled while it is read, also where that fails: then it says what may have to be mended."""

    def __init__(self) -> None:
        self._read: Snapshot = {}

    @property
    def files(self) -> list[Path]:
        """Absolute; also those that are not there."""
        return [one for one in self._read if isinstance(one, Path)]

    @property
    def patterns(self) -> list[str]:
        """Absolute."""
        return [one for one in self._read if isinstance(one, str)]

    def read(self, path: Path) -> bytes:
        """:raises OSError: it cannot be read, which is noted too."""
        path = path.absolute()
        self._read[path] = None
        content = path.read_bytes()
        self._read[path] = _digest(content)
        return content

    def find(self, pattern: str, folder: Path) -> list[str]:
        """The files that fit a pattern, in order, as it writes them.

        :param folder: absolute; what the pattern is relative to.
        """
        # Path.glob takes no absolute patterns
        names = sorted(glob.glob(pattern, root_dir=folder, recursive=True))  # noqa: PTH207
        self._read[str(folder / pattern)] = tuple(str(folder / name) for name in names)
        return names

    def add(self, other: Seen) -> None:
        self._read |= other._read

    def keep(self, former: Seen) -> None:
        """Reading came to no end: what the former one has read, and this one has not come to, is still of interest."""
        self._read = {**former._read, **self._read}

    def differs(self, now: Snapshot) -> bool:
        return now != self._read

    def look(self) -> Snapshot:
        """How all of it is now (blocking)."""
        return {one: _found(one) if isinstance(one, str) else _content(one) for one in self._read}


def _found(pattern: str) -> tuple[str, ...]:
    return tuple(sorted(glob.glob(pattern, recursive=True)))  # noqa: PTH207 - it is absolute


def _content(path: Path) -> bytes | None:
    try:
        return _digest(path.read_bytes())
    except OSError:
        return None


def _digest(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=16).digest()
