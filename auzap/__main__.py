"""``python -m auzap``."""

from __future__ import annotations

from auzap.cli import main

main()
