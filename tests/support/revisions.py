"""Databases as an earlier version of auzap left them."""

from __future__ import annotations

import shutil
from pathlib import Path

from auzap.storage.migrate import place_of
from auzap.storage.revisions import Revisions, read_revisions
from auzap.storage.schema import OWN, Schema

__all__ = ["upgrade_to"]


def upgrade_to(url: str, base: Path, revision: str, folder: Path) -> None:
    """Bring auzap's own tables to a revision, as the code did that ended with it.

    :param folder: an empty one, for the migrations up to there.
    """
    for file in sorted(read_revisions("auzap.storage.migrations").folder.glob("0*.py")):
        if file.name[:4] <= revision:
            shutil.copy(file, folder)
    known = frozenset(file.name[:4] for file in folder.glob("0*.py"))
    place_of(url, base).upgrade([Schema(OWN, Revisions(folder, revision, known), ())])
