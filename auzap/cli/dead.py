"""``auzap dead``."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
import click

from auzap.cli.options import as_json, common
from auzap.config import Config, load
from auzap.config.nodes import shown
from auzap.contract.queue import DeadLetter
from auzap.registry import Registry
from auzap.worker.serve import open_queue

__all__ = ["dead"]

_PAGE = 500


@click.group()
def dead() -> None:
    """Look at dead letters and try them again."""


@dead.command("list")
@common
@as_json
@click.option("--tenant", help="Only this tenant's.")
@click.option("--limit", type=click.IntRange(min=1), default=100, show_default=True, help="At most so many.")
def list_(path: Path, as_json: bool, tenant: str | None, limit: int) -> None:
    """List dead letters, the oldest first."""
    found = anyio.run(_list, load(path, tolerant=True), tenant, limit + 1)
    letters = found[:limit]
    if as_json:
        click.echo(json.dumps([_row(letter) for letter in letters]))
    else:
        for letter in letters:
            click.echo(shown(_line(letter), limit=None))
    if not letters:
        click.echo("No dead letters.", err=True)
    elif len(found) > limit:
        click.echo(f"There are more than {limit}: --limit shows more.", err=True)


@dead.command()
@common
@as_json
@click.argument("id_", metavar="ID")
def show(path: Path, as_json: bool, id_: str) -> None:
    """Print one dead letter, with its payload."""
    letter = anyio.run(_one, load(path, tolerant=True), id_)
    if letter is None:
        raise click.ClickException(f"no dead letter has the id {id_}")
    if as_json:
        click.echo(json.dumps(_row(letter)))
        return
    for line in json.dumps(_row(letter), indent=2, ensure_ascii=False).split("\n"):
        click.echo(shown(line, limit=None))


@dead.command()
@common
@as_json
@click.argument("ids", metavar="[ID]...", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All of them.")
@click.option("--tenant", help="With --all: only this tenant's.")
def retry(path: Path, as_json: bool, ids: tuple[str, ...], everything: bool, tenant: str | None) -> int:
    """Put dead letters at the tails of their lanes, with fresh attempts.

    A reply that was stored is sent again with the same key; the handler is asked only if it had not answered.
    """
    if bool(ids) == everything:
        raise click.UsageError("name the dead letters by their ids, or say --all")
    if tenant is not None and not everything:
        raise click.UsageError("--tenant goes with --all")
    retried = anyio.run(_retry, load(path, tolerant=True), ids, tenant)
    if as_json:
        click.echo(json.dumps({"retried": retried}))
    else:
        click.echo(f"{retried} back in the queue")
    return 0 if everything or retried == len(set(ids)) else 1


def _line(letter: DeadLetter) -> str:
    by = f" ({letter.plugin})" if letter.plugin else ""
    return f"{letter.id}  {letter.organization_id}/{letter.instance_id}  {letter.stage}{by}  {letter.reason}"


def _row(letter: DeadLetter) -> dict[str, Any]:
    row = asdict(letter)
    row["buried_at"] = datetime.fromtimestamp(letter.buried_at, UTC).isoformat()
    return row


async def _list(config: Config, tenant: str | None, limit: int) -> list[DeadLetter]:
    async with open_queue(config, Registry()) as queue:
        return await queue.dead(tenant=tenant, limit=limit)


async def _one(config: Config, id_: str) -> DeadLetter | None:
    async with open_queue(config, Registry()) as queue:
        return await queue.dead_letter(id_)


async def _retry(config: Config, ids: tuple[str, ...], tenant: str | None) -> int:
    async with open_queue(config, Registry()) as queue:
        if ids:
            return await queue.revive(ids)
        retried, after = 0, ""
        while letters := await queue.dead(tenant=tenant, limit=_PAGE, after=after):
            after = letters[-1].id
            retried += await queue.revive([letter.id for letter in letters])
        return retried
