"""A hook of mkdocs: the changelog, which stands beside the code, is a page of the site too."""

from __future__ import annotations

from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

__all__ = ["on_files"]


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add ``changelog.md``, its links as seen from ``docs/``."""
    text = (Path(config.docs_dir).parent / "CHANGELOG.md").read_text(encoding="utf-8")
    files.append(File.generated(config, "changelog.md", content=text.replace("](docs/", "](")))
    return files
