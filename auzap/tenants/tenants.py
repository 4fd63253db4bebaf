"""All tenants of this process."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Self

import anyio

from auzap.config.models import Config
from auzap.contract.channel import Channel
from auzap.hooks import Calls
from auzap.logs import get_logger
from auzap.model.errors import AuzapError, PluginError, Unavailable
from auzap.registry import Registry
from auzap.storage.store import Store
from auzap.tenants.build import build
from auzap.tenants.runtime import Tenant

__all__ = ["TenantBroken", "TenantUnknown", "Tenants"]

log = get_logger("auzap.tenants")


class TenantUnknown(AuzapError):
    """The configuration names no such tenant or instance."""


class TenantBroken(AuzapError):
    """A plugin or an option of the tenant is wrong; the others run."""


class Tenants:
    """Builds a tenant when it is first needed, and only once.

    An async context manager: closes what the tenants opened.
    """

    def __init__(self, config: Config, *, registry: Registry, store: Store, calls: Calls) -> None:
        self._config = config
        self._registry = registry
        self._store = store
        self._calls = calls
        self._built: dict[str, Tenant] = {}
        #: tenant -> why
        self._broken: dict[str, str] = {}
        self._building: dict[str, anyio.Lock] = {}
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    def listening(self) -> list[str]:
        """The tenants with a channel that takes messages in by itself (a terminal)."""
        return [
            tenant.id
            for tenant in self._config.tenants.values()
            if any(self._listens(instance.channel) for instance in tenant.instances.values())
        ]

    def _listens(self, channel: str) -> bool:
        try:
            return self._registry.channel(channel).listen is not Channel.listen
        except PluginError:  # told when the tenant is built
            return False

    async def get(self, tenant_id: str) -> Tenant:
        """The tenant, built if it was not.

        :raises TenantUnknown: no such tenant.
        :raises TenantBroken: it cannot be built; the first time it is logged.
        """
        if (tenant := self._built.get(tenant_id)) is not None:
            return tenant
        if tenant_id not in self._config.tenants:
            raise self._missing(tenant_id)
        async with self._building.setdefault(tenant_id, anyio.Lock()):
            if (tenant := self._built.get(tenant_id)) is not None:
                return tenant
            if (why := self._broken.get(tenant_id)) is not None:
                raise TenantBroken(why)
            return await self._build(tenant_id)

    def _missing(self, tenant_id: str) -> TenantBroken | TenantUnknown:
        broken = self._config.broken
        if tenant_id in broken:
            return TenantBroken(broken[tenant_id])
        if broken:  # it may stand in a file that cannot be read: nothing of it may be lost
            return TenantBroken(f"tenant {tenant_id} is not configured, and there are broken files")
        return TenantUnknown(f"unknown tenant: {tenant_id}")

    async def _build(self, tenant_id: str) -> Tenant:
        async with AsyncExitStack() as opened:
            try:
                tenant = await build(
                    self._config,
                    self._config.tenants[tenant_id],
                    registry=self._registry,
                    store=self._store,
                    calls=self._calls,
                    stack=opened,
                )
            except Unavailable:
                raise
            except AuzapError as error:
                raise self._give_up(tenant_id, str(error)) from error
            except Exception as error:
                raise self._give_up(tenant_id, f"{type(error).__name__}: {error}", error) from error
            self._stack.push_async_exit(opened.pop_all())
        self._built[tenant_id] = tenant
        return tenant

    def _give_up(self, tenant_id: str, why: str, unexpected: Exception | None = None) -> TenantBroken:
        log.error("Tenant not started", organization_id=tenant_id, error=why, exc_info=unexpected)
        self._broken[tenant_id] = why
        return TenantBroken(why)
