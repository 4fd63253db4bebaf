"""All tenants of this process, each in the version that the configuration asks for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Self

import anyio

from auzap.config.models import Config, TenantConfig
from auzap.contract.channel import Channel
from auzap.hooks import Calls
from auzap.logs import get_logger
from auzap.model.errors import AuzapError, PluginError, Unavailable
from auzap.registry import Registry
from auzap.services import Kit
from auzap.services.clock import utc_now
from auzap.storage.store import Store
from auzap.tenants.away import TenantAway, TenantBroken, TenantRefused, TenantSuspended, TenantUnknown
from auzap.tenants.broken import Broken
from auzap.tenants.build import build, lifespans
from auzap.tenants.channels import Connection, Connections
from auzap.tenants.lifespans import GRACE, Owner
from auzap.tenants.runtime import Tenant
from auzap.tenants.versions import Key, Version

__all__ = ["IDLE", "Tenants"]

log = get_logger("auzap.tenants")

#: seconds that a tenant is kept which nobody uses
IDLE = 600.0
#: seconds that closing what a tenant keeps open may take
_CLOSING = 5.0
#: the same for all together at the end of the process, what has to be cancelled included
_CLOSING_ALL = 7.0
#: seconds until a lane of a tenant that is away for reasons of the configuration is looked at again, if no swap does so
_AWAY = 60.0


class Tenants:
    """Builds a tenant when it is first needed, drops it when nobody has used it for long, swaps it for a newer one.

    An async context manager: closes what the tenants keep open.

    :param tell: the time, aware; tests put it forward.
    :param idle: seconds that a tenant is kept which nobody uses.
    :param closing: seconds that closing what one keeps open may take.
    """

    def __init__(
        self,
        config: Config,
        *,
        registry: Registry,
        store: Store,
        calls: Calls,
        tell: Callable[[], datetime] = utc_now,
        idle: float = IDLE,
        closing: float = _CLOSING,
    ) -> None:
        self._registry = registry
        self._store = store
        self._calls = calls
        self._kit = Kit(store, tell=tell)
        self._tell = tell
        self._idle = idle
        self._closing = closing
        self._versions: dict[str, Version] = {}
        self._broken = Broken(tell)
        #: held while a tenant is built
        self._building: dict[str, anyio.Lock] = {}
        #: what is being closed
        self._tasks: set[asyncio.Task[None]] = set()
        self._connections = Connections(registry, self._died, self._spawn, closing=closing)
        #: set, and replaced by another one, when a new configuration has been taken
        self.swapped = asyncio.Event()
        self._take(config)

    def _take(self, config: Config) -> None:
        self._configs = dict(config.tenants)
        self._config = config.model_copy(update={"tenants": self._configs})

    @property
    def config(self) -> Config:
        """What holds now."""
        return self._config

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        with anyio.CancelScope(shield=True):
            for version in list(self._versions.values()):
                self._retire(version)
                if version.users:  # somebody was left behind
                    self._close(version)
            with anyio.move_on_after(_CLOSING_ALL):
                while self._tasks:  # what is closed may leave more to be closed
                    await asyncio.wait(list(self._tasks))
            await self._kit.aclose()

    # ------------------------------------------------------------------ to be used

    @asynccontextmanager
    async def use(self, tenant_id: str) -> AsyncIterator[Tenant]:
        """The tenant as it is now, for as long as it is needed: it stays the same, and open, also when it is swapped.

        :raises TenantUnknown: no such tenant.
        :raises TenantAway: it is suspended, or cannot be built; that is logged when it happens.
        """
        version = await self.take(tenant_id)
        try:
            yield version.tenant
        finally:
            version.leave()

    async def take(self, tenant_id: str) -> Version:
        """As ``use``; whoever takes it has to ``leave`` it."""
        version = self._versions.get(tenant_id)
        if version is None:
            version = await self._build_once(tenant_id)
        version.users += 1
        return version

    def listening(self) -> list[str]:
        """The tenants with a channel that takes messages in by itself (a terminal)."""
        return [
            tenant.id
            for tenant in self._configs.values()
            if any(self._listens(instance.channel) for instance in tenant.instances.values())
        ]

    async def hold_listening(self, tenant_id: str) -> list[Connection]:
        """Its channels that take messages in by themselves, to be let go of.

        :raises TenantUnknown, TenantAway: as ``use``.
        """
        version = await self.take(tenant_id)
        try:
            held = [one for one in version.connections.values() if type(one.channel).listen is not Channel.listen]
            for one in held:
                one.held += 1
            return held
        finally:
            version.leave()

    def let_go(self, one: Connection) -> None:
        self._connections.let_go(one)

    def _listens(self, channel: str) -> bool:
        try:
            return self._registry.channel(channel).listen is not Channel.listen
        except PluginError:  # told when the tenant is built
            return False

    # ------------------------------------------------------------------ a new configuration

    def key(self, tenant: TenantConfig, config: Config) -> Key:
        """When two are equal, what runs need not be swapped."""
        return tenant.version, config.worker.timeout

    def broken(self) -> set[str]:
        """Those that could not be built, or stopped by themselves."""
        return self._broken.known()

    def switch(self, config: Config) -> list[str]:
        """Take a configuration at once. What is gone or suspended is closed when its turns have ended; others go on.

        :return: tenants that run in another version: to be renewed. Until then ``config`` holds what runs.
        """
        before = self._configs
        self._take(config)
        self._broken.forgive()
        to_renew = []
        for tenant_id, version in list(self._versions.items()):
            tenant = self._configs.get(tenant_id)
            if tenant is None or tenant.suspended:
                self._retire(version)
            elif self.key(tenant, config) != version.key:
                self._configs[tenant_id] = before[tenant_id]
                to_renew.append(tenant_id)
        return to_renew

    async def renew(self, tenant: TenantConfig) -> None:
        """Build a tenant's new version, and give it to whoever begins from then on.

        :raises TenantRefused: it cannot be built; what runs goes on.
        :raises Unavailable: the store is away.
        """
        async with self._lock(tenant.id):
            before = self._versions.get(tenant.id)
            if before is not None:
                made = await self._make(tenant)
                self._retire(before)
                self._versions[tenant.id] = made
            self._configs[tenant.id] = tenant

    def announce(self) -> None:
        """Tell whoever waits for ``swapped``."""
        self.swapped.set()
        self.swapped = asyncio.Event()

    # ------------------------------------------------------------------ built when first needed

    async def _build_once(self, tenant_id: str) -> Version:
        self._expected(tenant_id)
        async with self._lock(tenant_id):
            while True:
                version = self._versions.get(tenant_id)
                if version is not None:
                    return version
                tenant = self._expected(tenant_id)
                made = await self._make_or_tell(tenant)
                wanted = self._configs.get(tenant_id)
                if wanted is not None and not wanted.suspended and self.key(wanted, self._config) == made.key:
                    self._broken.mended(tenant_id)
                    self._versions[tenant_id] = made
                    return made
                self._retire(made)  # a swap came between

    def _expected(self, tenant_id: str) -> TenantConfig:
        tenant = self._configs.get(tenant_id)
        if tenant is None:
            raise self._missing(tenant_id)
        if tenant.suspended:
            raise TenantSuspended(f"tenant {tenant_id} is suspended", until=self._tell().timestamp() + _AWAY)
        self._broken.check(tenant_id)
        return tenant

    def _missing(self, tenant_id: str) -> TenantAway | TenantUnknown:
        broken, until = self._config.broken, self._tell().timestamp() + _AWAY
        if tenant_id in broken:
            return TenantBroken(broken[tenant_id], until=until)
        if broken:  # it may stand in a file that cannot be read: nothing of it may be lost
            return TenantBroken(f"tenant {tenant_id} is not configured, and there are broken files", until=until)
        return TenantUnknown(f"unknown tenant: {tenant_id}")

    async def _make_or_tell(self, tenant: TenantConfig) -> Version:
        try:
            return await self._make(tenant)
        except TenantRefused as error:
            unexpected = None if isinstance(error.__cause__, AuzapError) else error.__cause__
            raise self._broken.note(tenant.id, str(error), "Tenant not started", unexpected) from error

    async def _make(self, tenant: TenantConfig) -> Version:
        """:raises TenantRefused: what it opened is closed again."""
        connections: dict[str, Connection] = {}
        try:
            return await self._open(tenant, connections)
        except BaseException as error:
            for one in connections.values():
                self._connections.let_go(one)
            if isinstance(error, Unavailable) or not isinstance(error, Exception):
                raise
            why = str(error) if isinstance(error, AuzapError) else f"{type(error).__name__}: {error}"
            raise TenantRefused(why) from error

    async def _open(self, tenant: TenantConfig, connections: dict[str, Connection]) -> Version:
        config, timeout = self._config, self._config.worker.timeout
        for name in tenant.instances:
            connections[name] = await self._connections.hold(tenant, name, limit=timeout)
        channels = {name: one.channel for name, one in connections.items()}
        made = self.watched(
            await build(
                config,
                tenant,
                channels,
                registry=self._registry,
                store=self._store,
                kit=self._kit,
                calls=self._calls,
            )
        )
        held = lifespans(made, timeout=timeout)
        owner = Owner(tenant.id, held, self._died, grace=min(GRACE, self._closing)) if held else None
        if owner is not None:
            await owner.open()
        return Version(made, (tenant.version, timeout), connections, owner, began=time.monotonic(), unused=self._unused)

    def watched(self, tenant: Tenant) -> Tenant:
        """What is used instead of a tenant that was built: for whoever wants to watch it."""
        return tenant

    def _lock(self, tenant_id: str) -> anyio.Lock:
        return self._building.setdefault(tenant_id, anyio.Lock())

    # ------------------------------------------------------------------ until nobody needs it

    async def drop_idle(self) -> None:
        """Drop those that nobody has used for long; until cancelled."""
        while True:
            await anyio.sleep(min(self._idle / 4, 60.0))
            before = time.monotonic() - self._idle
            for version in list(self._versions.values()):
                if not version.users and version.idle_since < before:
                    self._retire(version)
            for tenant_id, lock in list(self._building.items()):
                if tenant_id not in self._versions and not lock.locked():
                    del self._building[tenant_id]

    def _retire(self, version: Version) -> None:
        """Nobody new gets it; it is closed when its last user has left."""
        if self._versions.get(version.tenant.info.id) is version:
            del self._versions[version.tenant.info.id]
        version.retired = True
        if not version.users:
            self._close(version)

    def _unused(self, version: Version) -> None:
        version.idle_since = time.monotonic()
        if version.retired:
            self._close(version)

    def _close(self, version: Version) -> None:
        if version.closed:
            return
        version.closed = True
        if version.owner is None:
            self._let_go_of_all(version.connections)
        else:
            self._spawn(self._close_owner(version.owner, version.connections))

    async def _close_owner(self, owner: Owner, connections: Mapping[str, Connection]) -> None:
        try:
            await owner.close(self._closing)
        finally:
            self._let_go_of_all(connections)

    def _let_go_of_all(self, connections: Mapping[str, Connection]) -> None:
        for one in connections.values():
            self._connections.let_go(one)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _died(self, owner: Owner, why: str) -> None:
        """What it kept open has ended by itself: its tenant is stopped, and built again after a while."""
        version = self._versions.get(owner.tenant)
        if version is None or owner not in (version.owner, *(one.owner for one in version.connections.values())):
            log.warning("Lifespan of a former version ended by itself", organization_id=owner.tenant, error=why)
            return
        self._broken.note(owner.tenant, why, "Tenant stopped", lived=time.monotonic() - version.began)
        self._retire(version)
