"""The group."""

from __future__ import annotations

import click

from auzap.cli.plugins.check import check
from auzap.cli.plugins.listing import list_
from auzap.cli.plugins.new import new
from auzap.cli.plugins.show import show

__all__ = ["plugins"]


@click.group()
def plugins() -> None:
    """Look at the plugins that are installed, and begin one."""


for command in (new, list_, show, check):
    plugins.add_command(command)
