"""``auzap check``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import click

from auzap.cli.options import as_json, common
from auzap.config import Config, load
from auzap.model.errors import AuzapError, ConfigError
from auzap.registry import Registry
from auzap.tenants.survey import survey
from auzap.worker.serve import open_queue, schema_behind

__all__ = ["check"]


@click.command()
@common
@as_json
def check(path: Path, as_json: bool) -> int:
    """Look for mistakes in the configuration and the plugins; nothing is started or written.

    Exit code 1 if there is any.
    """
    mistakes, plugins = _look(path)
    if as_json:
        click.echo(json.dumps({"ok": not mistakes, "mistakes": mistakes, "plugins": plugins}))
        return 1 if mistakes else 0
    for mistake in mistakes:
        click.echo(mistake, err=True)
    for tenant, names in plugins.items():
        click.echo(f"tenant {tenant}: plugins in order: {', '.join(names) or 'none'}")
    if not mistakes:
        click.echo("The configuration is fine.")
    return 1 if mistakes else 0


def _look(path: Path) -> tuple[list[str], dict[str, list[str]]]:
    """The mistakes, and the plugins of the tenants that have none."""
    mistakes: list[str] = []
    try:
        config = load(path)
    except ConfigError as error:
        mistakes += str(error).splitlines()
        try:
            config = load(path, tolerant=True)  # the other tenants' plugins are looked at all the same
        except ConfigError:
            return mistakes, {}
    registry = Registry()
    broken = survey(config, registry)
    for tenant, why in broken.items():
        where = "" if isinstance(why, ConfigError) else f"tenant {tenant}: "  # which names the place in the file
        mistakes += [f"{where}{line}" for line in str(why).splitlines()]
    mistakes += _of_backends(config, registry)
    return mistakes, {one.id: list(one.plugins) for one in config.tenants.values() if one.id not in broken}


def _of_backends(config: Config, registry: Registry) -> Iterator[str]:
    """What is wrong with the queue's URL, and with the database."""
    try:
        open_queue(config, registry)
    except AuzapError as error:
        yield str(error)
    try:
        behind = schema_behind(config, registry)
    except AuzapError as error:
        yield str(error)
    else:
        if behind and config.database.migrate == "manual":
            yield f"the schema is behind ({', '.join(behind)}): run `auzap db upgrade`"
