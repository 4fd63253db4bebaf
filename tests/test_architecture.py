"""The rooms of docs/architecture.md are those that import-linter keeps apart, and all that there are."""

from __future__ import annotations

import tomllib
from typing import Any

from tests.support.house import ROOT
from tests.support.markdown import Page, code_in

PAGE = Page(ROOT / "docs" / "architecture.md", ROOT)
#: no rooms: the lazy names for authors, and the way into the command line
DOORS = {"__init__", "__main__"}


def contracts() -> list[dict[str, Any]]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    found: list[dict[str, Any]] = project["tool"]["importlinter"]["contracts"]
    return found


def floors() -> list[set[str]]:
    """From the ground up."""
    [layers] = [contract["layers"] for contract in contracts() if contract["type"] == "layers"]
    return [{room.strip() for room in floor.split("|")} for floor in reversed(layers)]


def rooms() -> set[str]:
    here = ROOT / "auzap"
    files = {path.stem for path in here.glob("*.py")} | {path.parent.name for path in here.glob("*/__init__.py")}
    return {f"auzap.{name}" for name in files - DOORS}


def test_the_floors_on_the_page_are_those_that_are_kept() -> None:
    told: dict[int, set[str]] = {}
    for floor, room, what in PAGE.table("floor"):
        name = code_in(room)[0]
        path = ROOT / "auzap" / name
        assert path.is_dir() if name.endswith("/") else path.is_file(), name
        assert what
        told.setdefault(int(floor), set()).add(f"auzap.{name.removesuffix('/').removesuffix('.py')}")
    assert [told[floor] for floor in sorted(told)] == floors()
    assert sorted(told) == list(range(1, len(told) + 1))


def test_every_room_stands_on_a_floor() -> None:
    assert set().union(*floors()) == rooms()


def test_no_room_is_left_out_of_the_other_contracts() -> None:
    forbidden = {contract["name"]: contract for contract in contracts() if contract["type"] == "forbidden"}
    assistants, lazy = forbidden.values()
    assert set(assistants["forbidden_modules"]) == rooms() - {"auzap.tables"}
    assert set(lazy["source_modules"]) == rooms()
