"""``auzap check``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import anyio
import click

from auzap.cli.checks.files import look_at_database, look_at_queue
from auzap.cli.checks.online import REACHABLE, look_online
from auzap.cli.checks.report import Report, TenantLine
from auzap.cli.checks.tenants import look_at_tenants
from auzap.cli.options import as_json, common, plugins_dir, tenant_option
from auzap.cli.output import is_terminal, print_json, print_table
from auzap.cli.picks import pick_tenant
from auzap.cli.progress import progress
from auzap.config import Config, load
from auzap.config.nodes import shown
from auzap.model.errors import ConfigError
from auzap.registry import Registry

__all__ = ["check"]

#: lines of one sort
_MOST = 50
#: orders of plugins
_KINDS = 20


@click.command()
@common
@as_json
@plugins_dir
@tenant_option
@click.option("--online", is_flag=True, help="Also open the queue and the database, and ask each gateway.")
def check(path: Path, as_json: bool, plugins_dir: Path | None, tenant: str | None, online: bool) -> int:
    """Look for mistakes in the configuration and the plugins; nothing is started or written.

    Tells all of them at once, a line each, on standard error. Exit code 1 if there is any. Warnings are what is not
    wrong but may lose something, notes what may well be meant; they change no exit code. With --online a gateway is
    reachable when it answers anything in HTTP; no message is posted. Many tenants are summed up; --tenant tells of one.

    JSON: `{"ok", "mistakes": [line], "warnings": [line], "notes": [line], "plugins": {tenant that can run: [plugin, in
    order]}, "suspended": [tenant], "queue": state or null, "queue_facts": [line], "database": state or null,
    "gateways": {"tenant/instance": "reachable" or why not}}`.
    """
    report, registry = Report(), Registry(plugins_dir)
    with progress("Looking at the configuration"):
        config = _load(path, report, tenant)
        if config is not None:
            look_at_tenants(config, registry, report, only=tenant)
    if config is not None:
        _look(config, registry, report, only=tenant, online=online)
    if as_json:
        print_json(report.as_json())
    else:
        _tell(report)
    return 1 if report.mistakes else 0


def _load(path: Path, report: Report, only: str | None) -> Config | None:
    """What can be read of it: the other tenants are looked at although one is broken."""
    try:
        config = load(path, tolerant=only is not None)
    except ConfigError as error:
        report.mistake(error)
    else:
        if only is not None and only not in config.tenants:
            pick_tenant(config, only)
        return config
    try:
        return load(path, tolerant=True)
    except ConfigError:
        return None  # the same mistakes


def _look(config: Config, registry: Registry, report: Report, *, only: str | None, online: bool) -> None:
    if only is not None:
        config = config.model_copy(update={"tenants": {only: config.tenants[only]}})
    queue = look_at_queue(config, registry, report)
    database = look_at_database(config, registry, report)
    if online:

        async def ask() -> None:
            await look_online(config, registry, report, queue=queue, database=database)

        anyio.run(ask)


def _tell(report: Report) -> None:
    for mistake in report.mistakes[:_MOST]:
        click.echo(shown(mistake, limit=None), err=True)
    if len(report.mistakes) > _MOST:
        click.echo(f"and {len(report.mistakes) - _MOST:,} more mistakes; --json tells all", err=True)
    if len(report.tenants) > _MOST:
        _sum_up(report.tenants)
    elif report.tenants and is_terminal():
        rows = [
            (one.id, _order(one), ", ".join(f"{k} ({v})" for k, v in one.instances.items())) for one in report.tenants
        ]
        print_table(["Tenant", "Plugins in order", "Instances"], rows, whole=["Tenant"])
        click.echo()
    else:
        for one in report.tenants:
            click.echo(f"tenant {one.id}: plugins in order: {_order(one)}")
    _tell_the_rest(report)


def _order(tenant: TenantLine) -> str:
    return f"{', '.join(tenant.plugins) or 'none'}{' (suspended)' if tenant.suspended else ''}"


def _sum_up(tenants: Sequence[TenantLine]) -> None:
    """How many have which plugins."""
    click.echo(f"{len(tenants):,} tenants can run; --tenant tells of one")
    alike: dict[str, list[str]] = {}
    for one in tenants:
        alike.setdefault(_order(one), []).append(one.id)
    for order, ids in sorted(alike.items(), key=lambda kind: -len(kind[1]))[:_KINDS]:
        some = ", ".join(ids[:3]) + (", …" if len(ids) > 3 else "")
        what = "tenant" if len(ids) == 1 else "tenants"
        click.echo(f"{len(ids):,} {what} ({some}): plugins in order: {order}")
    if len(alike) > _KINDS:
        click.echo(f"and {len(alike) - _KINDS:,} other orders of plugins")


def _tell_the_rest(report: Report) -> None:
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
    for note in report.notes[:_MOST]:
        click.echo(f"note: {shown(note, limit=None)}")
    if len(report.notes) > _MOST:
        click.echo(f"and {len(report.notes) - _MOST:,} more notes; --json tells all")
    if not report.mistakes:
        click.echo("The configuration is fine.")
