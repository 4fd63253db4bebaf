"""``auzap queue``."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import anyio
import click

from auzap.cli.options import as_json, common
from auzap.config import Config, load
from auzap.contract.queue import Stats
from auzap.registry import Registry
from auzap.worker.serve import open_queue

__all__ = ["queue"]


@click.group()
def queue() -> None:
    """Look at the queue."""


@queue.command()
@common
@as_json
def stats(path: Path, as_json: bool) -> None:
    """Print how many envelopes are waiting, delayed, leased and dead."""
    del as_json  # it prints JSON anyway
    click.echo(json.dumps(asdict(anyio.run(_stats, load(path, tolerant=True)))))


async def _stats(config: Config) -> Stats:
    async with open_queue(config, Registry()) as opened:
        return await opened.stats()
