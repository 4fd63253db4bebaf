"""What stands in the project's Markdown files."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Block", "Page", "code_in"]

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_ROW = re.compile(r"^\|(.*)\|$")
_LINK = re.compile(r"\[[^\]]*\]\(([^)]+)\)")


@dataclass(frozen=True, slots=True)
class Block:
    page: str
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def commands(self) -> list[str]:
        """What a person types, of a ``console`` block."""
        return [line.removeprefix("$ ") for line in self.text.splitlines() if line.startswith("$ ")]


class Page:
    def __init__(self, path: Path, root: Path) -> None:
        self.path = path
        self.name = str(path.relative_to(root))
        self.text = path.read_text(encoding="utf-8")

    @property
    def blocks(self) -> list[Block]:
        return [
            Block(self.name, self.text.count("\n", 0, found.start()) + 2, found[1], found[2])
            for found in _FENCE.finditer(self.text)
        ]

    @property
    def commands(self) -> list[str]:
        """All that a person types, from the top to the bottom."""
        console = [block for block in self.blocks if block.language == "console"]
        return [command for block in console for command in block.commands or block.text.splitlines()]

    @property
    def prose(self) -> str:
        """All but the blocks."""
        return _FENCE.sub("", self.text)

    @property
    def links(self) -> list[str]:
        return _LINK.findall(self.prose)

    @property
    def anchors(self) -> set[str]:
        """Of the headings, as GitHub makes them."""
        headings = re.findall(r"^#+ (.+)$", self.prose, re.MULTILINE)
        return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}

    def table(self, first: str) -> list[list[str]]:
        """The rows of the table whose first column has this heading."""
        lines = iter(self.prose.splitlines())
        found = next(row for line in lines if (row := _cells(line)) and row[0] == first)
        next(lines)  # the line below the headings
        rows = []
        for line in lines:
            row = _cells(line)
            if row is None:
                break
            assert len(row) == len(found), line
            rows.append(row)
        return rows


def _cells(line: str) -> list[str] | None:
    found = _ROW.match(line)
    return None if found is None else [cell.strip() for cell in found[1].split("|")]


def code_in(text: str) -> list[str]:
    """What stands in backticks."""
    return re.findall(r"`([^`]+)`", text)
