"""The queue, the database and the gateways, really asked; nothing is posted."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import anyio
import anyio.to_thread

from auzap.cli.checks.files import behind_in_words, state_in_words
from auzap.cli.checks.report import Report
from auzap.cli.progress import Advance, progress
from auzap.config import Config
from auzap.contract.channel import Channel
from auzap.contract.queue import Examinable, Examination, Queue
from auzap.model.errors import AuzapError, StoreUnavailable, Unreachable
from auzap.registry import Registry
from auzap.sqlite import connect, told_as
from auzap.tenants.build import make_channel
from auzap.worker.resources import examine_database, schema_behind, schema_revisions

__all__ = ["REACHABLE", "look_online"]

REACHABLE = "reachable"

#: gateways that are asked at the same time
_AT_ONCE = 20
#: seconds until one that says nothing counts as unreachable
_PATIENCE = 10.0
#: seconds until a database that somebody else writes counts as away
_BUSY = 5.0


async def look_online(
    config: Config, registry: Registry, report: Report, *, queue: Queue | None, database: Path | str | None
) -> None:
    """:param queue: not opened yet; None when there is none to open. :param database: likewise."""
    channels = _channels(config, registry)
    with progress("Asking gateways", total=len(channels)) as advance:
        if queue is not None:
            await _ask_queue(queue, report)
        if isinstance(database, Path):
            await anyio.to_thread.run_sync(_ask_file, database, report)
        elif database is not None:
            await anyio.to_thread.run_sync(_ask_server, config, registry, report)
        at_once = anyio.CapacityLimiter(_AT_ONCE)
        async with anyio.create_task_group() as asking:
            for channel in channels:
                report.gateways[_name(channel)] = ""  # in the order of the file
                asking.start_soon(_ask_gateway, channel, at_once, report, advance)
    report.mistakes += [f"gateway {name}: {told}" for name, told in report.gateways.items() if told != REACHABLE]


async def _ask_queue(queue: Queue, report: Report) -> None:
    try:
        async with queue:
            stats = await queue.stats()
        seen = await queue.examine() if isinstance(queue, Examinable) else Examination()
    except AuzapError as error:
        report.mistake(error)
        return
    counts = f"{stats.waiting} waiting, {stats.delayed} delayed, {stats.leased} leased, {stats.dead} dead"
    report.queue = f"{report.queue}: {counts}"
    report.queue_facts += seen.facts
    report.warnings += [f"queue: {warning}" for warning in seen.warnings]


def _ask_file(path: Path, report: Report) -> None:
    """Begin a write, and leave it at that."""
    try:
        with closing(connect(path, busy=_BUSY)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
    except sqlite3.Error as error:
        told = told_as(StoreUnavailable, error, name=str(path))
        if not isinstance(told, AuzapError):
            raise
        report.mistake(told)
    else:
        report.database = f"{report.database}; opened"


def _ask_server(config: Config, registry: Registry, report: Report) -> None:
    try:
        behind = schema_behind(config, registry)
        state = state_in_words(schema_revisions(config, registry), behind)
        found = examine_database(config, registry)
    except AuzapError as error:
        report.mistake(error)
        return
    report.add([*behind_in_words(config, behind), *(f"{report.database}: {line}" for line in found.mistakes)])
    for note in found.notes:
        report.note(f"{report.database}: {note}")
    report.database = f"{report.database}: {state}; opened"


# ------------------------------------------------------------------ gateways


def _channels(config: Config, registry: Registry) -> list[Channel]:
    """Those that can be asked; one that cannot be made was told of already."""
    found = []
    for tenant in config.tenants.values():
        for name, instance in tenant.instances.items():
            try:
                channel = make_channel(tenant, name, instance, registry)
            except AuzapError:
                continue
            if type(channel).probe is not Channel.probe:
                found.append(channel)
    return found


async def _ask_gateway(channel: Channel, at_once: anyio.CapacityLimiter, report: Report, advance: Advance) -> None:
    told = REACHABLE
    async with at_once:
        try:
            with anyio.fail_after(_PATIENCE):
                async with channel:
                    await channel.probe()
        except Unreachable as error:
            told = str(error)
        except TimeoutError:
            told = f"no answer within {_PATIENCE:.0f} s"
        except Exception as error:  # noqa: BLE001 - another author's channel; the others are asked all the same
            told = " ".join(f"{type(error).__name__}: {error}".split())
    report.gateways[_name(channel)] = told
    advance(1)


def _name(channel: Channel) -> str:
    return f"{channel.tenant}/{channel.instance}"
