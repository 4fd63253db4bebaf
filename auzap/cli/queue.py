"""``auzap queue``."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import anyio
import click

from auzap.cli.options import as_json, common
from auzap.cli.output import is_terminal, print_json, print_table
from auzap.config import Config, load
from auzap.contract.queue import Stats
from auzap.registry import Registry
from auzap.worker.resources import open_queue

__all__ = ["queue"]

_MEANING = {
    "waiting": "nobody has taken it yet",
    "delayed": "waits for its time, or for a retry",
    "leased": "in a worker's hands",
    "dead": "given up: auzap dead list",
}


@click.group()
def queue() -> None:
    """Look at the queue."""


@queue.command()
@common
@as_json
def stats(path: Path, as_json: bool) -> None:
    """Print how many envelopes are waiting, delayed, leased and dead.

    JSON, also where there is no terminal: `{"waiting", "delayed", "leased", "dead"}`.
    """
    counts = asdict(anyio.run(_stats, load(path, tolerant=True)))
    if as_json or not is_terminal():
        print_json(counts)
    else:
        print_table(["", "Envelopes", ""], [(name, f"{counts[name]:>9,}", what) for name, what in _MEANING.items()])


async def _stats(config: Config) -> Stats:
    async with open_queue(config, Registry()) as opened:
        return await opened.stats()
