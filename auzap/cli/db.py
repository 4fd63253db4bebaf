"""``auzap db``."""

from __future__ import annotations

from pathlib import Path

import click

from auzap.cli.options import as_json, common, plugins_dir
from auzap.cli.output import print_json
from auzap.cli.progress import progress
from auzap.config import load
from auzap.registry import Registry
from auzap.worker.resources import upgrade_schema

__all__ = ["db"]


@click.group()
def db() -> None:
    """Look after the database's schema."""


@db.command(short_help="Bring the schema up to date.")
@common
@as_json
@plugins_dir
def upgrade(path: Path, as_json: bool, plugins_dir: Path | None) -> None:
    """Bring the schema up to date: auzap's tables and those of the plugins in use.

    JSON: `{"upgraded": [distribution, ...]}`.
    """
    with progress("Upgrading the schema"):
        done = upgrade_schema(load(path, tolerant=True), Registry(plugins_dir))
    if as_json:
        print_json({"upgraded": done})
    else:
        click.echo(f"upgraded: {', '.join(done)}" if done else "The schema is up to date.")
