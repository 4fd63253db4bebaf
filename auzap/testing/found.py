"""Which plugins a test means that does not say it with a fixture of its own."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from re import sub

import pytest

from auzap.testing.bot import setup_from
from auzap.testing.setup import GROUP, Setup

__all__ = ["own_plugins", "setup_of"]


def setup_of(node: pytest.Item, root: Path) -> Setup:
    """:raises UsageError: nothing says which plugins."""
    marker = node.get_closest_marker("bot")
    if marker is not None and marker.args:
        return setup_from(marker.args, marker.kwargs)
    plugins = own_plugins(root)
    if not plugins:
        raise pytest.UsageError(
            "which plugin? mark the test with @auzap.testing.bot_of(MyPlugin), write a fixture bot_setup, or install "
            f"the distribution under test: none with plugins is named in {root / 'pyproject.toml'}"
        )
    return setup_from(plugins, marker.kwargs if marker is not None else {})


@cache
def own_plugins(root: Path) -> tuple[str, ...]:
    """Those of the distribution whose ``pyproject.toml`` stands in this folder, or above it."""
    for folder in (root, *root.parents):
        file = folder / "pyproject.toml"
        if file.is_file():
            name = tomllib.loads(file.read_text(encoding="utf-8")).get("project", {}).get("name")
            return _plugins_of(name) if isinstance(name, str) else ()
    return ()


def _plugins_of(name: str) -> tuple[str, ...]:
    try:
        entries = distribution(sub(r"[-_.]+", "-", name)).entry_points
    except PackageNotFoundError:
        return ()
    return tuple(entry.name for entry in entries if entry.group == GROUP)
