"""Where on the disk a configuration lies: the folders to watch, and what in them is of interest."""

from __future__ import annotations

import fnmatch
import glob
import os
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path

from auzap.config import Seen

__all__ = ["Places", "places_of"]

#: links from one file to the next that are followed
_LINKS = 20
#: folders below a pattern
_MOST_FOLDERS = 1000


@dataclass(frozen=True, slots=True)
class Places:
    """
    :param folders: those that are there.
    :param names: paths of files, and of links on the way to them, whether or not they are there.
    :param patterns: what files of tenants are called.
    """

    folders: frozenset[str]
    names: frozenset[str]
    patterns: frozenset[str]

    def concern(self, path: str) -> bool:
        """Whether a change of this path may be one of the configuration."""
        if path in self.names:
            return True
        one = Path(path)
        return any(fnmatch.fnmatchcase(one.name, pattern) or one.is_dir() for pattern in self.patterns)


def places_of(seen: Seen) -> Places:
    """Links are followed, and watched too: Kubernetes puts another one in the place of ``..data`` (blocking)."""
    links_to = cache(_links_to)  # thousands of files lie in one folder
    names: set[Path] = set()
    folders: set[Path] = set()
    for file in seen.files:
        *links, folder = links_to(file.parent)
        inside = folder / file.name
        names.update(links, links_to(inside) if inside.is_symlink() else [inside])
    for pattern in map(Path, seen.patterns):
        for below in _folders_of(pattern.parent):
            *links, folder = links_to(below)
            names.update(links)
            folders.add(folder)
    folders.update(name.parent for name in names)
    return Places(
        frozenset({str(_there(folder)) for folder in folders}),
        frozenset(map(str, names)),
        frozenset(Path(pattern).name for pattern in seen.patterns),
    )


def _links_to(path: Path) -> list[Path]:
    """The links on the way to what a path really is, which comes last."""
    links: list[Path] = []
    for _ in range(_LINKS):
        link = next((one for one in reversed([path, *path.parents]) if one.is_symlink()), None)
        if link is None:
            break
        links.append(link)
        path = Path(os.path.normpath(link.parent / link.readlink() / path.relative_to(link)))
    return [*links, path]


def _folders_of(folder: Path) -> Iterable[Path]:
    """Those in which files may come to be that fit a pattern.

    :param folder: of the pattern; it may be one itself.
    """
    if not glob.has_magic(str(folder)):
        return [folder]
    while glob.has_magic(str(folder)):
        folder = folder.parent
    return [folder, *(Path(inner) for inner, _, _ in islice(os.walk(folder), _MOST_FOLDERS))]


def _there(folder: Path) -> Path:
    """It, or the nearest one above it that is there."""
    while not folder.is_dir():
        folder = folder.parent
    return folder
