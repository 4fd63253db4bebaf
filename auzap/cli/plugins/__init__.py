"""``auzap plugins``, a file a command."""

from __future__ import annotations

from auzap.cli.plugins.group import plugins

__all__ = ["plugins"]
