"""Makes the services of plugins; what they share is made once a process."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from auzap.contract.plugin import TenantInfo
from auzap.contract.services import OwnHooks, Services
from auzap.logs import get_logger
from auzap.services.clock import TenantClock, utc_now
from auzap.services.detached import Detached
from auzap.services.outbox import TenantOutbox
from auzap.storage.store import Store

if TYPE_CHECKING:
    import httpx

    from auzap.services.http import HttpPool

__all__ = ["Kit"]


class Kit:
    """
    :param store: None: where plugins are only looked at; what asks the database then raises ``RuntimeError``.
    :param tell: the time, aware; tests put it forward.
    """

    def __init__(self, store: Store | None, *, tell: Callable[[], datetime] = utc_now) -> None:
        self._store = store
        self._tell = tell
        self._pool: HttpPool | None = None

    def services(
        self, tenant: TenantInfo, plugin: str, *, version: str, instances: Collection[str], hooks: OwnHooks
    ) -> Services:
        """Those of one plugin of one tenant.

        :param plugin: its name in the YAML.
        :param version: of the tenant's configuration.
        :param instances: the tenant's connected numbers.
        """
        store = self._store
        return Services(
            log=get_logger("auzap.plugin").bind(organization_id=tenant.id, plugin=plugin),
            clock=TenantClock(ZoneInfo(tenant.timezone), self._tell),
            store=store.tenant(tenant.id) if store is not None else Detached(),
            outbox=TenantOutbox(store, tenant.id, plugin, version, instances) if store is not None else Detached(),
            hooks=hooks,
            http=_Lazy(self._client),
        )

    def _client(self) -> httpx.AsyncClient:
        if self._pool is None:
            from auzap.services.http import HttpPool

            self._pool = HttpPool()
        return self._pool.client()

    async def aclose(self) -> None:
        """Close the connections that plugins share."""
        if self._pool is not None:
            await self._pool.aclose()


class _Lazy:
    """The same client each time; another one when the plugin has closed it."""

    def __init__(self, make: Callable[[], httpx.AsyncClient]) -> None:
        self._make = make
        self._client: httpx.AsyncClient | None = None

    def __call__(self) -> httpx.AsyncClient:
        if self._client is None or self._client.is_closed:
            self._client = self._make()
        return self._client
