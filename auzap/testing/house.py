"""What all tenants of a bot share: configuration, queue, database, gateway, clock, worker, log."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio.to_thread

from auzap.config import Config
from auzap.contract.queue import Queue
from auzap.model.phones import typed_digits
from auzap.registry import Registry
from auzap.testing.clock import Clock
from auzap.testing.databases import make_database
from auzap.testing.gateway import Gateway
from auzap.testing.tap import Tap, tapped
from auzap.testing.works import Works
from auzap.worker.resources import open_queue

__all__ = ["House", "housed"]


class House:
    """Open, with nothing in it."""

    def __init__(self, config: Config, queue: Queue, clock: Clock, gateway: Gateway, tap: Tap, works: Works) -> None:
        self.config = config
        self.queue = queue
        self.clock = clock
        self.gateway = gateway
        self.tap = tap
        self.works = works
        #: what the clock said when it was last looked at what is due
        self.looked_at = clock.ahead

    def phones(self, tenant: str) -> list[str]:
        """The owners'."""
        owners = self.config.tenants[tenant].owners
        return [digits for owner in owners if (digits := typed_digits(owner))]


@asynccontextmanager
async def housed(config: Config, registry: Registry, clock: Clock, gateway: Gateway) -> AsyncIterator[House]:
    """Put the parts together.

    :raises ConfigError: :raises PluginError: :raises TenantBroken: a tenant cannot be built.
    """
    tap = Tap()
    with tapped(tap):
        await anyio.to_thread.run_sync(make_database, config, registry)
        async with open_queue(config, registry) as queue:
            works = Works(config, registry, queue, clock)
            await works.start()
            try:
                yield House(config, queue, clock, gateway, tap, works)
            finally:
                with anyio.CancelScope(shield=True):
                    await works.stop()
