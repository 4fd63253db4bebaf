"""Swaps without a worker: a house's tenants, and what reads its configuration again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import anyio

from auzap.config import Memory, Seen, load
from auzap.contract.queue import Queue
from auzap.hooks import Calls
from auzap.pipeline.patience import Patience
from auzap.pipeline.work import Parts
from auzap.registry import Registry
from auzap.storage import open_store
from auzap.tenants.tenants import Tenants
from auzap.worker.new_tables import NewTables
from auzap.worker.resources import open_queue, prepare_database, schema_behind, upgrade_schema
from auzap.worker.serve import parts_of
from auzap.worker.swap import Swap, Swapper
from tests.support.house import House

__all__ = ["Swapping", "notes", "swapping"]


@dataclass(frozen=True, slots=True)
class Swapping:
    house: House
    tenants: Tenants
    swapper: Swapper
    queue: Queue
    parts: Parts
    reconfigured: list[int]

    async def save(self) -> Swap:
        """Write the house's document, and swap."""
        self.house.write()
        return await self.swapper.swap()

    async def mark(self, tenant: str = "shop", plugin: str = "stamp") -> str:
        """Of the version that a turn would get now."""
        async with self.tenants.use(tenant) as one:
            mark: str = one.plugins[plugin].options.mark
            return mark


@asynccontextmanager
async def swapping(
    house: House, *, idle: float = 600.0, closing: float = 0.3, registry: Registry | None = None
) -> AsyncIterator[Swapping]:
    registry = registry if registry is not None else Registry()
    patience, seen, memory, reconfigured = Patience(), Seen(), Memory(), list[int]()
    config = load(house.path, tolerant=True, seen=seen, memory=memory)
    prepare_database(config, registry)
    async with (
        open_queue(config, registry) as queue,
        open_store(config.database.dsn, config.base) as store,
        Tenants(config, registry=registry, store=store, calls=Calls(), idle=idle, closing=closing) as tenants,
        anyio.create_task_group() as beside,
    ):
        parts = parts_of(config, queue, store, patience)
        swapper = Swapper(
            tenants,
            registry=registry,
            queue=queue,
            parts=parts,
            new_tables=NewTables(registry, behind=schema_behind, upgrade=upgrade_schema),
            seen=seen,
            memory=memory,
        )
        swapper.when_taken(lambda: reconfigured.append(1))
        beside.start_soon(swapper.run)
        beside.start_soon(tenants.drop_idle)
        yield Swapping(house, tenants, swapper, queue, parts, reconfigured)
        beside.cancel_scope.cancel()


def notes(file: Path) -> list[list[str]]:
    """What plugins and channels of ``auzap_living`` have noted: what, whose, mark, task."""
    return [line.split() for line in file.read_text(encoding="utf-8").splitlines()] if file.exists() else []
