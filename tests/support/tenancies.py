"""Tenants without a worker: a house's configuration, its database and what is built from them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from auzap.hooks import Calls
from auzap.registry import Registry
from auzap.storage import open_store
from auzap.storage.store import Store
from auzap.tenants.tenants import Tenants
from auzap.worker.resources import prepare_database
from tests.support.house import House

__all__ = ["Tenancy", "tenancy"]


@dataclass(frozen=True, slots=True)
class Tenancy:
    tenants: Tenants
    store: Store


@asynccontextmanager
async def tenancy(house: House) -> AsyncIterator[Tenancy]:
    config, registry = house.config, Registry()
    prepare_database(config, registry)
    async with (
        open_store(config.database.url, config.base) as store,
        Tenants(config, registry=registry, store=store, calls=Calls()) as tenants,
    ):
        yield Tenancy(tenants, store)
