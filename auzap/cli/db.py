"""``auzap db``."""

from __future__ import annotations

import json
from pathlib import Path

import click

from auzap.cli.options import as_json, common
from auzap.config import load
from auzap.registry import Registry
from auzap.storage.migrate import upgrade as upgrade_schema
from auzap.tenants.survey import tables_of

__all__ = ["db"]


@click.group()
def db() -> None:
    """Look after the database's schema."""


@db.command()
@common
@as_json
def upgrade(path: Path, as_json: bool) -> None:
    """Bring the schema up to date: auzap's tables and those of the plugins in use."""
    config = load(path, tolerant=True)
    done = upgrade_schema(config.database.url, config.base, tables_of(config, Registry()))
    if as_json:
        click.echo(json.dumps({"upgraded": done}))
    else:
        click.echo(f"upgraded: {', '.join(done)}" if done else "The schema is up to date.")
