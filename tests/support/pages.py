"""The pages of the project's docs."""

from __future__ import annotations

import textwrap

import yaml

from auzap.config.load import _KEYS as TOP_KEYS
from tests.support.house import ROOT
from tests.support.markdown import Page

__all__ = ["ASSISTANTS", "DOCS", "OTHERS", "PAGES", "README", "block_with", "whole"]

README = Page(ROOT / "README.md", ROOT)
DOCS = {path.stem: Page(path, ROOT) for path in sorted((ROOT / "docs").glob("*.md"))}
ASSISTANTS = [Page(path, ROOT) for path in sorted((ROOT / "plugins").glob("*/README.md"))]
OTHERS = {name: Page(ROOT / f"{name}.md", ROOT) for name in ("README.pt-BR", "CONTRIBUTING", "CHANGELOG", "SECURITY")}
PAGES = [README, *DOCS.values(), *ASSISTANTS, *OTHERS.values()]


def block_with(page: Page, text: str) -> str:
    [found] = [block for block in page.blocks if text in block.text]
    return found.text


def whole(text: str) -> str:
    """A configuration around what is only a part of one."""
    given = yaml.safe_load(text)
    if "plugins" in given:
        text = "tenants:\n  abc123:\n" + textwrap.indent(text, "    ")
    elif not given.keys() & TOP_KEYS:  # a file of ``tenants_from``
        text = "tenants:\n" + textwrap.indent(text, "  ")
    top = "".join(f"{key}: sqlite:///{key}.db\n" for key in ("queue", "database") if key not in given)
    return top + text + ("" if "tenants:" in text else "tenants: {abc123: {}}\n")
