"""``auzap enqueue``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import anyio
import click

from auzap.cli.lines import NoJson, json_of, read_lines
from auzap.cli.options import as_json, common
from auzap.cli.output import print_json
from auzap.cli.progress import Advance, progress
from auzap.config import Config, load
from auzap.config.nodes import shown
from auzap.contract.queue import Envelope, Queue
from auzap.model.errors import BadPayload, PluginError
from auzap.pipeline.accept import accept
from auzap.registry import Registry
from auzap.worker.serve import open_queue

__all__ = ["enqueue"]

#: what is made durable together, whichever is reached first: jobs, bytes
_BATCH = 500
_BATCH_BYTES = 8 * 1024 * 1024
_FORM = "a job is an object with organizationId, instanceId and message"
_JOB_KEYS = ("message", "update", "takeover", "handback")


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
    job = _job(line)
    tenant_id, instance_id = _name(job, "organizationId"), _name(job, "instanceId")
    tenant = config.tenants.get(tenant_id)
    if tenant is None:
        left_out = "left out" if tenant_id in config.broken else "unknown"
        raise _Refused(f"{left_out} tenant {shown(tenant_id)!r}")
    instance = tenant.instances.get(instance_id)
    if instance is None:
        raise _Refused(f"unknown instance {shown(instance_id)!r} of tenant {tenant_id!r}")
    posted = {key: job[key] for key in _JOB_KEYS if key in job}
    if not posted:
        raise _Refused(f"no message: {_FORM}")
    try:
        channel = registry.channel(instance.channel)
        return accept(tenant_id, instance_id, channel, posted.get("message", posted))
    except (BadPayload, PluginError) as error:
        raise _Refused(str(error)) from error


def _job(line: bytes | None) -> dict[str, Any]:
    try:
        job = json_of(line)
    except NoJson as error:
        raise _Refused(str(error)) from None
    if not isinstance(job, dict):
        raise _Refused(f"no object: {_FORM}")
    return job


def _name(job: dict[str, Any], key: str) -> str:
    value = job.get(key)
    if not isinstance(value, str) or not value:
        raise _Refused(f"no {key}: {_FORM}")
    return value
