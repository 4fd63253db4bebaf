"""``auzap check``."""

from __future__ import annotations

from pathlib import Path

import anyio
import click

from auzap.cli.checks.files import look_at_database, look_at_queue
from auzap.cli.checks.online import REACHABLE, look_online
from auzap.cli.checks.report import Report
from auzap.cli.checks.tenants import look_at_tenants
from auzap.cli.options import as_json, common
from auzap.cli.output import is_terminal, print_json, print_table
from auzap.config import Config, load
from auzap.config.nodes import shown
from auzap.model.errors import ConfigError
from auzap.registry import Registry

__all__ = ["check"]


@click.command()
@common
@as_json
@click.option("--online", is_flag=True, help="Also open the queue and the database, and ask each gateway.")
def check(path: Path, as_json: bool, online: bool) -> int:
    """Look for mistakes in the configuration and the plugins; nothing is started or written.

    Tells all of them at once, a line each, on standard error. Exit code 1 if there is any. Warnings are what is not
    wrong but may lose something, notes what may well be meant; they change no exit code. With --online a gateway is
    reachable when it answers anything in HTTP; no message is posted.

    JSON: `{"ok", "mistakes": [line], "warnings": [line], "notes": [line], "plugins": {tenant that can run: [plugin, in
    order]}, "queue": state or null, "queue_facts": [line], "database": state or null, "gateways": {"tenant/instance":
    "reachable" or why not}}`.
    """
    report = Report()
    config = _load(path, report)
    if config is not None:
        _look(config, report, online=online)
    if as_json:
        print_json(report.as_json())
    else:
        _tell(report)
    return 1 if report.mistakes else 0


def _load(path: Path, report: Report) -> Config | None:
    """What can be read of it: the other tenants are looked at although one is broken."""
    try:
        return load(path)
    except ConfigError as error:
        report.mistake(error)
    try:
        return load(path, tolerant=True)
    except ConfigError:
        return None  # the same mistakes


def _look(config: Config, report: Report, *, online: bool) -> None:
    registry = Registry()
    look_at_tenants(config, registry, report)
    queue = look_at_queue(config, registry, report)
    database = look_at_database(config, registry, report)
    if online:

        async def ask() -> None:
            await look_online(config, registry, report, queue=queue, database=database)

        anyio.run(ask)


def _tell(report: Report) -> None:
    for mistake in report.mistakes:
        click.echo(shown(mistake, limit=None), err=True)
    if report.tenants and is_terminal():
        rows = [
            (one.id, ", ".join(one.plugins) or "none", ", ".join(f"{k} ({v})" for k, v in one.instances.items()))
            for one in report.tenants
        ]
        print_table(["Tenant", "Plugins in order", "Instances"], rows, whole=["Tenant"])
        click.echo()
    else:
        for one in report.tenants:
            click.echo(f"tenant {one.id}: plugins in order: {', '.join(one.plugins) or 'none'}")
    if report.queue is not None:
        click.echo(f"queue: {report.queue}")
    for fact in report.queue_facts:
        click.echo(f"queue: {shown(fact, limit=None)}")
    if report.database is not None:
        click.echo(f"database: {report.database}")
    for name, state in report.gateways.items():
        if state == REACHABLE:  # the others are among the mistakes
            click.echo(f"gateway {name}: {state}")
    for warning in report.warnings:
        click.echo(f"warning: {shown(warning, limit=None)}")
    for note in report.notes:
        click.echo(f"note: {shown(note, limit=None)}")
    if not report.mistakes:
        click.echo("The configuration is fine.")
