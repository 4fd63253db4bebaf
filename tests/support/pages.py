"""The pages of the project's docs."""

from __future__ import annotations

from tests.support.house import ROOT
from tests.support.markdown import Page

__all__ = ["ASSISTANTS", "DOCS", "OTHERS", "PAGES", "README", "block_with"]

README = Page(ROOT / "README.md", ROOT)
DOCS = {path.stem: Page(path, ROOT) for path in sorted((ROOT / "docs").glob("*.md"))}
ASSISTANTS = [Page(path, ROOT) for path in sorted((ROOT / "plugins").glob("*/README.md"))]
OTHERS = {name: Page(ROOT / f"{name}.md", ROOT) for name in ("README.pt-BR", "CONTRIBUTING", "CHANGELOG", "SECURITY")}
PAGES = [README, *DOCS.values(), *ASSISTANTS, *OTHERS.values()]


def block_with(page: Page, text: str) -> str:
    [found] = [block for block in page.blocks if text in block.text]
    return found.text
