"""``python -m scripts.docs``: write the pages of ``docs/`` that are made from the code."""

from __future__ import annotations

from pathlib import Path

from scripts.docs.commands import commands
from scripts.docs.configuration import configuration
from scripts.docs.included import cookbook
from scripts.docs.plugin_reference import plugin_reference

__all__ = ["PAGES", "main"]

DOCS = Path(__file__).parents[2] / "docs"
PAGES = {
    "configuration.md": configuration,
    "commands.md": commands,
    "plugin-reference.md": plugin_reference,
    "cookbook.md": cookbook,
}


def main() -> None:
    for name, page in PAGES.items():
        (DOCS / name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
