"""``auzap dead``."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
import click

from auzap.cli.letters import Choice, When, choose, letters_of
from auzap.cli.options import as_json, common, complete_dead_letter, tenant_option
from auzap.cli.output import is_terminal, print_json, print_table
from auzap.cli.progress import progress
from auzap.config import Config, load
from auzap.config.nodes import shown
from auzap.contract.queue import DeadLetter
from auzap.registry import Registry
from auzap.worker.resources import open_queue

__all__ = ["dead"]

_ids = click.argument("ids", metavar="[ID]...", nargs=-1, shell_complete=complete_dead_letter)
_all = click.option("--all", "everything", is_flag=True, help="All of them.")


@click.group()
def dead() -> None:
    """Look at dead letters, try them again, delete them."""


@dead.command("list", short_help="List dead letters, the oldest first.")
@common
@as_json
@tenant_option
@click.option("--limit", type=click.IntRange(min=1), default=100, show_default=True, help="At most so many.")
def list_(path: Path, as_json: bool, tenant: str | None, limit: int) -> None:
    """List dead letters, the oldest first.

    JSON: one array of `{"id", "organization_id", "instance_id", "lane", "message_id", "stage", "plugin", "reason",
    "attempts", "payload", "buried_at"}`.
    """
    found = anyio.run(_list, load(path, tolerant=True), tenant, limit + 1)
    letters = found[:limit]
    if as_json:
        print_json([_row(letter) for letter in letters])
    elif letters and is_terminal():
        print_table(["Dead letter", "Reason"], [_cells(letter) for letter in letters], whole=["Dead letter"])
    else:
        for letter in letters:
            click.echo(shown(_line(letter), limit=None))
    if not letters:
        click.echo("No dead letters.", err=True)
    elif len(found) > limit:
        click.echo(f"There are more than {limit}: --limit shows more.", err=True)


@dead.command(short_help="Print one dead letter, with its payload.")
@common
@as_json
@click.argument("id_", metavar="ID", shell_complete=complete_dead_letter)
def show(path: Path, as_json: bool, id_: str) -> None:
    """Print one dead letter, with its payload.

    JSON: one object, as `dead list` has them in its array.
    """
    letter = anyio.run(_one, load(path, tolerant=True), id_)
    if letter is None:
        raise click.ClickException(f"no dead letter has the id {shown(id_)}")
    if as_json:
        print_json(_row(letter))
        return
    for line in json.dumps(_row(letter), indent=2, ensure_ascii=False).split("\n"):
        click.echo(shown(line, limit=None))


@dead.command(short_help="Put dead letters back into the queue.")
@common
@as_json
@_ids
@_all
@tenant_option
def retry(path: Path, as_json: bool, ids: tuple[str, ...], everything: bool, tenant: str | None) -> int:
    """Put dead letters at the tails of their lanes, with fresh attempts.

    A reply that was stored is sent again with the same key; the handler is asked only if it had not answered.

    JSON: `{"retried": number}`. Exit code 1 if an ID is no dead letter's.
    """
    choice = choose(ids, everything=everything, tenant=tenant)
    config = load(path, tolerant=True)
    unknown = anyio.run(_unknown, config, choice)
    retried = anyio.run(_retry, config, choice)
    if as_json:
        print_json({"retried": retried})
    else:
        click.echo(f"{retried} back in the queue")
    return _code(choice, retried, unknown)


@dead.command(short_help="Delete dead letters for good.")
@common
@as_json
@_ids
@_all
@tenant_option
@click.option("--before", type=When(), help="Only those that are older: 30d, or 2026-01-31 (local time).")
@click.option("--yes", is_flag=True, help="Do not ask.")
def purge(
    path: Path,
    as_json: bool,
    ids: tuple[str, ...],
    everything: bool,
    tenant: str | None,
    before: float | None,
    yes: bool,
) -> int:
    """Delete dead letters for good, with their payloads.

    Name them by their ids, or choose them with --before, --tenant or both, or --all. On a terminal it asks first.

    JSON: `{"purged": number}`. Exit code 1 if an ID is no dead letter's, or the answer is no.
    """
    choice = choose(ids, everything=everything, tenant=tenant, before=before)
    config = load(path, tolerant=True)
    if not yes and is_terminal(sys.stdin):
        # what dies while the question stands there is not what was asked about
        asked_at = time.time()
        choice = replace(choice, before=min(asked_at, before or asked_at)) if choice.ids is None else choice
        count = anyio.run(_count, config, choice)
        what = _many(count, replace(choice, before=before))
        if count and not click.confirm(f"Delete {what} for good?", err=True):
            click.echo("Nothing was deleted.", err=True)
            return 1
    unknown = anyio.run(_unknown, config, choice)
    purged = anyio.run(_purge, config, choice)
    if as_json:
        print_json({"purged": purged})
    else:
        click.echo(f"deleted {_many(purged, replace(choice, before=before))}")
    return _code(choice, purged, unknown)


def _many(count: int, choice: Choice) -> str:
    return f"{count:,} dead letter{'' if count == 1 else 's'}{choice}"


def _code(choice: Choice, done: int, unknown: Sequence[str]) -> int:
    for one in unknown:
        click.echo(f"auzap: no dead letter has the id {shown(one)}", err=True)
    return 0 if choice.ids is None or done == len(choice.ids) else 1


# ------------------------------------------------------------------ one letter


def _line(letter: DeadLetter) -> str:
    return f"{letter.id}  {letter.organization_id}/{letter.instance_id}  {_stage(letter)}  {letter.reason}"


def _cells(letter: DeadLetter) -> tuple[str, str]:
    """The id is to be copied: it has a line of its own."""
    attempts = f", {letter.attempts} attempts" if letter.attempts > 1 else ""
    where = f"{letter.organization_id}/{letter.instance_id}".replace("\n", "\\n")
    died = datetime.fromtimestamp(letter.buried_at).astimezone()
    what = f"{_stage(letter)}{attempts}".replace("\n", "\\n")
    return f"{letter.id}\n{where}  {died:%Y-%m-%d %H:%M}", f"{what}\n" + letter.reason.replace("\n", "\\n")


def _stage(letter: DeadLetter) -> str:
    return f"{letter.stage} ({letter.plugin})" if letter.plugin else letter.stage


def _row(letter: DeadLetter) -> dict[str, Any]:
    row = {field.name: getattr(letter, field.name) for field in fields(letter)}  # asdict copies level by level
    row["buried_at"] = datetime.fromtimestamp(letter.buried_at, UTC).isoformat()
    return row


# ------------------------------------------------------------------ the queue


async def _list(config: Config, tenant: str | None, limit: int) -> list[DeadLetter]:
    async with open_queue(config, Registry()) as queue:
        return await queue.dead(tenant=tenant, limit=limit)


async def _one(config: Config, id_: str) -> DeadLetter | None:
    async with open_queue(config, Registry()) as queue:
        return await queue.dead_letter(id_)


async def _count(config: Config, choice: Choice) -> int:
    """How many of them there are."""
    if choice.ids is not None:
        return len(choice.ids) - len(await _unknown(config, choice))
    count = 0
    with progress("Counting dead letters") as advance:
        async with open_queue(config, Registry()) as queue, aclosing(letters_of(queue, choice)) as pages:
            async for ids in pages:
                count += len(ids)
                advance(len(ids))
    return count


async def _unknown(config: Config, choice: Choice) -> list[str]:
    """The ids that were named and are no dead letter's."""
    if choice.ids is None:
        return []
    async with open_queue(config, Registry()) as queue:
        return [one for one in choice.ids if await queue.dead_letter(one) is None]


async def _retry(config: Config, choice: Choice) -> int:
    retried = 0
    with progress("Putting dead letters back") as advance:
        async with open_queue(config, Registry()) as queue, aclosing(letters_of(queue, choice)) as pages:
            async for ids in pages:
                retried += await queue.revive(ids)
                advance(len(ids))
    return retried


async def _purge(config: Config, choice: Choice) -> int:
    purged = 0
    with progress("Deleting dead letters") as advance:
        async with open_queue(config, Registry()) as queue, aclosing(letters_of(queue, choice)) as pages:
            async for ids in pages:
                purged += await queue.purge(ids=ids, before=choice.before)
                advance(len(ids))
    return purged
