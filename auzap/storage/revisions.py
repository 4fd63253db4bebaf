"""Which revision a folder of migrations leads to, read from its files: Alembic is not imported."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from auzap.model.errors import PluginError

__all__ = ["Revisions", "read_revisions"]


@dataclass(frozen=True, slots=True)
class Revisions:
    folder: Path
    #: None when there are no migrations
    head: str | None
    known: frozenset[str]


def read_revisions(package: str) -> Revisions:
    """
    :param package: importable, with a folder ``versions``.
    :raises PluginError: it has none, or its migrations do not lead to one revision.
    """
    try:
        spec = find_spec(package)
    except ModuleNotFoundError:
        spec = None
    places = spec.submodule_search_locations if spec is not None else None
    folder = Path(next(iter(places))) / "versions" if places else None
    if folder is None or not folder.is_dir():
        raise PluginError(f"migrations {package}: not a package with a folder versions/")
    known: set[str] = set()
    followed: set[str] = set()
    for file in sorted(folder.glob("*.py")):
        revision, before = _revision(file)
        if revision is not None:
            known.add(revision)
            followed |= before
    heads = sorted(known - followed)
    if len(heads) > 1 or (known and not heads):
        raise PluginError(f"migrations {package}: they must end in one revision, and end in {heads}")
    return Revisions(folder, heads[0] if heads else None, frozenset(known))


def _revision(file: Path) -> tuple[str | None, set[str]]:
    """A file's revision and those that it follows."""
    values: dict[str, object] = {}
    for node in ast.parse(file.read_bytes(), filename=str(file)).body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        value = getattr(node, "value", None)
        for target in targets:
            if isinstance(target, ast.Name) and target.id in ("revision", "down_revision") and value is not None:
                values[target.id] = ast.literal_eval(value)
    revision, before = values.get("revision"), values.get("down_revision")
    several = before if isinstance(before, (tuple, list)) else (before,)
    return (str(revision) if revision is not None else None), {str(one) for one in several if one is not None}
