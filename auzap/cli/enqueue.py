"""``auzap enqueue``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import anyio
import click

from auzap.cli.lines import NoJson, json_of, read_lines
from auzap.cli.options import as_json, common
from auzap.cli.output import print_json
from auzap.cli.progress import Advance, progress
from auzap.config import Config, load
from auzap.contract.queue import Envelope, Queue
from auzap.model.errors import BadPayload
from auzap.pipeline.jobs import accept_job
from auzap.registry import Registry
from auzap.worker.resources import open_queue

__all__ = ["enqueue"]

#: what is made durable together, whichever is reached first: jobs, bytes
_BATCH = 500
_BATCH_BYTES = 8 * 1024 * 1024


class _Refused(Exception):
    """This line cannot become an envelope."""


@dataclass(slots=True)
class _Counts:
    accepted: int = 0
    duplicates: int = 0
    refused: int = 0


@click.command()
@common
@as_json
@click.argument("file", type=click.File("rb"))
def enqueue(path: Path, as_json: bool, file: BinaryIO) -> int:
    """Put jobs into the queue: lines `{"organizationId", "instanceId", "message"}` from FILE, or `-`.

    Instead of `message` a job may carry `update`, `takeover` or `handback`. Exit code 1 if any was refused.

    JSON, always: `{"accepted", "duplicates", "refused"}`.
    """
    del as_json  # it prints JSON anyway
    config = load(path, tolerant=True)
    for what, error in config.broken.items():
        for line in error.splitlines():
            click.echo(f"left out {what}: {line}", err=True)
    counts = anyio.run(_enqueue, config, file)
    print_json({"accepted": counts.accepted, "duplicates": counts.duplicates, "refused": counts.refused})
    return 1 if counts.refused else 0


async def _enqueue(config: Config, file: BinaryIO) -> _Counts:
    registry, counts = Registry(), _Counts()
    with progress("Reading jobs") as advance:
        await _read(config, registry, file, counts, advance)
    return counts


async def _read(config: Config, registry: Registry, file: BinaryIO, counts: _Counts, advance: Advance) -> None:
    async with open_queue(config, registry) as queue:
        batch: list[Envelope] = []
        size = 0
        for number, line in read_lines(file):
            try:
                batch += _envelopes(config, registry, line)
            except _Refused as error:
                counts.refused += 1
                click.echo(f"line {number}: refused: {error}", err=True)
            advance(1)
            size += len(line or b"")
            if len(batch) >= _BATCH or size >= _BATCH_BYTES:
                await _put(queue, batch, counts)
                batch, size = [], 0
        await _put(queue, batch, counts)


async def _put(queue: Queue, batch: list[Envelope], counts: _Counts) -> None:
    if batch:
        accepted = sum(await queue.put(batch))
        counts.accepted += accepted
        counts.duplicates += len(batch) - accepted


def _envelopes(config: Config, registry: Registry, line: bytes | None) -> list[Envelope]:
    try:
        return accept_job(config, registry, json_of(line))
    except NoJson as error:
        raise _Refused(str(error)) from None
    except BadPayload as error:
        raise _Refused(str(error)) from error
