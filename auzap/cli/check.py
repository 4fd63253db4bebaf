"""``auzap check``."""

from __future__ import annotations

import json
from pathlib import Path

import click

from auzap.cli.options import as_json, common
from auzap.config import load
from auzap.model.errors import AuzapError
from auzap.registry import Registry
from auzap.storage.migrate import pending
from auzap.tenants.survey import survey, tables_of
from auzap.worker.serve import open_queue

__all__ = ["check"]


@click.command()
@common
@as_json
def check(path: Path, as_json: bool) -> int:
    """Look for mistakes in the configuration and the plugins; nothing is started or written."""
    try:
        config = load(path)
        registry = Registry()
        open_queue(config, registry)
        broken = survey(config, registry)
        mistakes = [f"tenant {tenant}: {line}" for tenant, error in broken.items() for line in error.splitlines()]
        behind = pending(config.database.url, config.base, tables_of(config, registry))
    except AuzapError as error:
        return _tell(str(error).splitlines(), {}, [], as_json)
    order = {tenant.id: list(tenant.plugins) for tenant in config.tenants.values()}
    return _tell(mistakes, order, behind if config.database.migrate == "manual" else [], as_json)


def _tell(mistakes: list[str], order: dict[str, list[str]], behind: list[str], as_json: bool) -> int:
    mistakes = mistakes + [f"the schema of {name} is behind: run `auzap db upgrade`" for name in behind]
    if as_json:
        click.echo(json.dumps({"ok": not mistakes, "mistakes": mistakes, "plugins": order}))
        return 1 if mistakes else 0
    for mistake in mistakes:
        click.echo(mistake, err=True)
    for tenant, plugins in order.items():
        click.echo(f"tenant {tenant}: plugins in order: {', '.join(plugins) or 'none'}")
    if not mistakes:
        click.echo("The configuration is fine.")
    return 1 if mistakes else 0
