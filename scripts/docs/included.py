"""Pages that show files of ``examples/``."""

from __future__ import annotations

import re
from pathlib import Path

__all__ = ["cookbook"]

_ROOT = Path(__file__).parents[2]
_LANGUAGES = {".py": "python", ".toml": "toml", ".yaml": "yaml"}


def cookbook() -> str:
    """The page: what is written in ``cookbook.md`` beside this file, and the files that it names."""
    template = Path(__file__).with_name("cookbook.md").read_text(encoding="utf-8")
    return re.sub(r"^%% (\S+)\n", lambda place: _block(_ROOT / place[1]), template, flags=re.MULTILINE)


def _block(path: Path) -> str:
    text = path.read_text(encoding="utf-8").removesuffix("\n")
    return f"`{path.relative_to(_ROOT)}`:\n\n```{_LANGUAGES[path.suffix]}\n{text}\n```\n"
