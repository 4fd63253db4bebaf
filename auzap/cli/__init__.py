"""The command line: a file a command group, imported when the command is used."""

from __future__ import annotations

from auzap.cli.group import cli, main

__all__ = ["cli", "main"]
