"""Open channels. An instance whose mapping stays as it is keeps its connections when its tenant gets a new version."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from auzap.config.models import TenantConfig
from auzap.contract.channel import Channel
from auzap.logs import get_logger
from auzap.registry import Registry
from auzap.tenants.build import make_channel
from auzap.tenants.lifespans import Held, Owner

__all__ = ["Connection", "Connections"]

log = get_logger("auzap.tenants")

#: tenant, instance, digest of its mapping
_Key = tuple[str, str, str]
#: runs something to its end, in a task of its own
Spawn = Callable[[Coroutine[Any, Any, None]], object]


class Connection:
    """An open channel, and how many hold it."""

    __slots__ = ("channel", "held", "key", "owner")

    def __init__(self, key: _Key, channel: Channel) -> None:
        self.key = key
        self.channel = channel
        self.owner: Owner | None = None
        self.held = 1


class Connections:
    """All of this process.

    :param died: told why, when an open channel ends by itself.
    :param closing: seconds that closing one may take.
    """

    def __init__(self, registry: Registry, died: Callable[[Owner, str], None], spawn: Spawn, *, closing: float) -> None:
        self._registry = registry
        self._died = died
        self._spawn = spawn
        self._closing = closing
        self._open: dict[_Key, Connection] = {}

    async def hold(self, tenant: TenantConfig, name: str, *, limit: float) -> Connection:
        """The instance's, opened if it is not; for one tenant one call at a time.

        :param limit: seconds that opening may take.
        :raises ConfigError: the channel cannot be loaded, or an option of it is wrong.
        :raises LifespanFailed: it cannot be opened.
        """
        instance = tenant.instances[name]
        key = (tenant.id, name, instance.options.digest())
        found = self._open.get(key)
        if found is not None:
            found.held += 1
            return found
        made = Connection(key, make_channel(tenant, name, instance, self._registry))
        await self._enter(made, limit)
        self._open[key] = made
        return made

    def let_go(self, one: Connection) -> None:
        """The last one to do so closes it."""
        one.held -= 1
        if one.held:
            return
        if self._open.get(one.key) is one:
            del self._open[one.key]
        kind = type(one.channel)
        if one.owner is not None:
            self._spawn(one.owner.close(self._closing))
        elif kind.__aexit__ is not Channel.__aexit__:
            self._spawn(self._leave(one))

    async def _enter(self, one: Connection, limit: float) -> None:
        channel, kind = one.channel, type(one.channel)
        if kind.__aenter__ is Channel.__aenter__ or kind.enters_at_once:
            await channel.__aenter__()
            return
        whose = f"instance {channel.instance}"
        thing = Held(whose, lambda: channel, limit)

        def died(owner: Owner, why: str) -> None:
            self._open.pop(one.key, None)  # the next version gets a new one
            self._died(owner, why)

        one.owner = Owner(channel.tenant, [thing], died)
        await one.owner.open()

    async def _leave(self, one: Connection) -> None:
        tenant, instance = one.channel.tenant, one.channel.instance
        try:
            async with asyncio.timeout(self._closing):
                await one.channel.__aexit__(None, None, None)
        except Exception as error:  # another author's code; the others are closed all the same
            log.exception(
                "Channel not closed",
                organization_id=tenant,
                instance_id=instance,
                error=f"{type(error).__name__}: {error}",
            )
