"""Small distributions, installed in a folder of the test's own."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

__all__ = ["importable", "install"]


def install(
    folder: Path, name: str, version: str, *, offers: Mapping[str, Mapping[str, str]], modules: Mapping[str, str]
) -> None:
    """Write what an installer writes.

    :param offers: group -> entry point's name -> ``module:Class``.
    :param modules: file name -> source.
    """
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    sections = (
        f"[{group}]\n" + "".join(f"{k} = {v}\n" for k, v in entries.items()) for group, entries in offers.items()
    )
    (info / "entry_points.txt").write_text("\n".join(sections))
    for file, source in modules.items():
        path = folder / file
        path.parent.mkdir(exist_ok=True)
        path.write_text(source)


@contextmanager
def importable(folder: Path) -> Iterator[None]:
    """``folder`` on the path; what was imported from it is forgotten afterwards."""
    before = set(sys.modules)
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        for name in set(sys.modules) - before:
            if str(getattr(sys.modules[name], "__file__", None) or "").startswith(str(folder)):
                del sys.modules[name]
