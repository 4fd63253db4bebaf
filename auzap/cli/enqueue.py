"""``auzap enqueue``."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import anyio
import click

from auzap.cli.options import as_json, common
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
#: bytes of one line; a longer one is refused without being read whole
MAX_LINE = 32 * 1024 * 1024
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

    Instead of `message` a job may carry `update`, `takeover` or `handback`. Prints how many were accepted, duplicates
    and refused; exit code 1 if any was refused.
    """
    del as_json  # it prints JSON anyway
    config = load(path, tolerant=True)
    for what, error in config.broken.items():
        for line in error.splitlines():
            click.echo(f"left out {what}: {line}", err=True)
    counts = anyio.run(_enqueue, config, file)
    click.echo(json.dumps({"accepted": counts.accepted, "duplicates": counts.duplicates, "refused": counts.refused}))
    return 1 if counts.refused else 0


async def _enqueue(config: Config, file: BinaryIO) -> _Counts:
    registry, counts = Registry(), _Counts()
    async with open_queue(config, registry) as queue:
        batch: list[Envelope] = []
        size = 0
        for number, line in _lines(file):
            try:
                batch += _envelopes(config, registry, line)
            except _Refused as error:
                counts.refused += 1
                click.echo(f"line {number}: refused: {error}", err=True)
            size += len(line or b"")
            if len(batch) >= _BATCH or size >= _BATCH_BYTES:
                await _put(queue, batch, counts)
                batch, size = [], 0
        await _put(queue, batch, counts)
    return counts


async def _put(queue: Queue, batch: list[Envelope], counts: _Counts) -> None:
    if batch:
        accepted = sum(await queue.put(batch))
        counts.accepted += accepted
        counts.duplicates += len(batch) - accepted


def _lines(file: BinaryIO) -> Iterator[tuple[int, bytes | None]]:
    """The lines with their numbers, blank ones left out; None for one that is too long."""
    number = 0
    while line := file.readline(MAX_LINE):
        number += 1
        if len(line) == MAX_LINE and not line.endswith(b"\n"):
            while (rest := file.readline(MAX_LINE)) and not rest.endswith(b"\n"):
                pass
            yield number, None
        elif line.strip():
            yield number, line


def _envelopes(config: Config, registry: Registry, line: bytes | None) -> list[Envelope]:
    if line is None:
        raise _Refused(f"longer than {MAX_LINE // 1024 // 1024} MiB")
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


def _job(line: bytes) -> dict[str, Any]:
    try:
        # a lone surrogate is odd, but somebody's text; anything else than UTF-8 is no job
        job = json.loads(line.decode("utf-8-sig", "surrogatepass"))
    except RecursionError:
        raise _Refused("no JSON: nested too deeply") from None
    except UnicodeDecodeError as error:
        raise _Refused(f"no JSON: not UTF-8 at byte {error.start + 1}") from None
    except json.JSONDecodeError as error:
        raise _Refused(f"no JSON: {error.msg} at character {error.pos + 1}") from None
    except ValueError:  # the only one that is left
        raise _Refused(f"no JSON: a number of more than {sys.get_int_max_str_digits()} digits") from None
    if not isinstance(job, dict):
        raise _Refused(f"no object: {_FORM}")
    return job


def _name(job: dict[str, Any], key: str) -> str:
    value = job.get(key)
    if not isinstance(value, str) or not value:
        raise _Refused(f"no {key}: {_FORM}")
    return value
