"""``auzap trace``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import anyio.to_thread
import click

from auzap.cli.options import as_json, common, tenant_option
from auzap.cli.output import is_terminal, print_json, print_table
from auzap.config import Config, load
from auzap.config.nodes import shown
from auzap.model.errors import ConfigError
from auzap.registry import Registry
from auzap.storage import open_store
from auzap.storage.store import Store, Trace, TraceStep
from auzap.worker.resources import database_file, schema_behind

if TYPE_CHECKING:
    from auzap.tables import OutboxRow

__all__ = ["trace"]

_HEADINGS = ("Hook", "Plugin", "", "ms", "Why")


@dataclass(frozen=True, slots=True)
class _Turn:
    """What became of it, whatever the attempt.

    :param role: the sender's; None when nobody was asked who wrote it.
    """

    role: str | None
    replies: Sequence[OutboxRow]


@dataclass(frozen=True, slots=True)
class _Found:
    trace: Trace
    turn: _Turn


@click.command(short_help="Show who was asked about a message, and who answered.")
@common
@as_json
@tenant_option
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="At most so many attempts.")
@click.argument("message", metavar="MESSAGE")
def trace(path: Path, as_json: bool, tenant: str | None, limit: int, message: str) -> int:
    """Show who was asked about a message at each attempt, what each said, how long it took, and what was sent.

    MESSAGE is WhatsApp's id of it, or the id of its row or turn; a job's id, as the log has it, where it failed before
    there was a row. Traces are kept for `retention.traces`, and not for tenants with `trace: false`.

    JSON: one array, an object an attempt, of `{"organization_id", "instance_id", "turn_id", "message_id", "attempt",
    "at", "config_version", "outcome", "answered_by", "sender_role", "ms", "steps": [{"hook", "plugin", "ms", "said",
    "error"}], "replies": [{"id", "state", "attempts", "reason", "provider_id", "not_before", "config_version"}]}`.
    Exit code 1 if nothing is known of it.
    """
    found = anyio.run(_find, load(path, tolerant=True), message, limit, tenant)
    if as_json:
        print_json([_row(one) for one in found])
    elif found and is_terminal():
        _print_tables(found)
    else:
        for line in _lines(found):
            click.echo(shown(line, limit=None))
    if not found:
        click.echo(f"auzap: nothing is known of {shown(message)}", err=True)
    return 0 if found else 1


# ------------------------------------------------------------------ the database


async def _find(config: Config, message: str, limit: int, tenant: str | None) -> list[_Found]:
    file = database_file(config)
    if file is not None and not file.exists():
        return []  # to look at it is no reason to make it
    if "auzap" in await anyio.to_thread.run_sync(schema_behind, config, Registry()):
        raise ConfigError("the schema is behind: run `auzap db upgrade` first")
    async with open_store(config.database.dsn, config.base) as store:
        traces = await store.traces_of(message, limit=limit, organization_id=tenant)
        turns = {one.turn_id: await _turn(store, one) for one in traces}
    return [_Found(one, turns[one.turn_id]) for one in traces]


async def _turn(store: Store, trace: Trace) -> _Turn:
    from sqlmodel import col, select  # here, because SQLModel takes half a second to import

    from auzap.tables import InboxRow, OutboxRow

    async with store.tenant(trace.organization_id).read() as session:
        roles = await session.exec(select(InboxRow.sender_role).where(InboxRow.turn_id == trace.turn_id))
        of_turn = select(OutboxRow).where(OutboxRow.turn_id == trace.turn_id).order_by(col(OutboxRow.ordinal))
        replies = (await session.exec(of_turn)).all()
        return _Turn(next((role for role in roles if role is not None), None), replies)


# ------------------------------------------------------------------ what is told


def _row(found: _Found) -> dict[str, Any]:
    trace = found.trace
    return {
        "organization_id": trace.organization_id,
        "instance_id": trace.instance_id,
        "turn_id": trace.turn_id,
        "message_id": trace.message_id,
        "attempt": trace.attempt,
        "at": trace.at.isoformat(),
        "config_version": trace.config_version,
        "outcome": trace.outcome,
        "answered_by": trace.answered_by,
        "sender_role": found.turn.role,
        "ms": trace.ms,
        "steps": [asdict(step) for step in trace.steps],
        "replies": [
            {
                "id": reply.id,
                "state": reply.state,
                "attempts": reply.attempts,
                "reason": reply.reason,
                "provider_id": reply.provider_id,
                "not_before": reply.not_before.isoformat() if reply.not_before is not None else None,
                "config_version": reply.config_version,
            }
            for reply in found.turn.replies
        ],
    }


def _lines(found: Sequence[_Found]) -> Iterator[str]:
    """A line an attempt, and behind it one for each step; the replies at the end of their turn."""
    for place, one in enumerate(found):
        yield _heading(one)
        for cells in map(_cells, one.trace.steps):
            yield f"  {'  '.join(cell for cell in cells if cell)}"
        if _is_last(found, place):
            yield from _replies(one)


def _print_tables(found: Sequence[_Found]) -> None:
    for place, one in enumerate(found):
        click.echo(shown(_heading(one), limit=None))
        if one.trace.steps:
            print_table(_HEADINGS, map(_cells, one.trace.steps), whole=_HEADINGS[:4])
        if _is_last(found, place):
            for line in _replies(one):
                click.echo(shown(line, limit=None))
        if one is not found[-1]:
            click.echo()


def _is_last(found: Sequence[_Found], place: int) -> bool:
    """Of its turn: the replies are the turn's."""
    return all(later.trace.turn_id != found[place].trace.turn_id for later in found[place + 1 :])


def _heading(found: _Found) -> str:
    trace = found.trace
    outcome = f"{trace.outcome} by {trace.answered_by}" if trace.outcome == "answered" else trace.outcome
    parts = [
        f"{trace.at.astimezone():%Y-%m-%d %H:%M:%S}",
        f"{trace.organization_id}/{trace.instance_id}",
        f"attempt {trace.attempt}",
        outcome,
        f"{trace.ms:.1f} ms",
        f"config {trace.config_version}",
        *([_who(found)] if found.turn.role is not None else []),
        f"turn {trace.turn_id}",
    ]
    return "  ".join(parts)


def _who(found: _Found) -> str:
    """The sender, and who said so."""
    by = [step.plugin for step in found.trace.steps if step.hook == "classify_sender" and step.said == "answered"]
    return f"from {found.turn.role} (said {by[-1]})" if by else f"from {found.turn.role}"


def _cells(step: TraceStep) -> tuple[str, str, str, str, str]:
    return step.hook, step.plugin, step.said, f"{step.ms:.1f}", step.error or ""


def _replies(found: _Found) -> Iterator[str]:
    for reply in found.turn.replies:
        attempts = f", {reply.attempts} attempts" if reply.attempts > 1 else ""
        later = f", not before {reply.not_before.astimezone():%Y-%m-%d %H:%M:%S}" if reply.not_before else ""
        yield f"  reply {reply.id}  {reply.state}{attempts}{later}{f'  {reply.reason}' if reply.reason else ''}"
