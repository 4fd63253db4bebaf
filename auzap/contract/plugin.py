"""What a plugin is: a class whose methods implement hooks."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from auzap.contract.options import Options as BaseOptions
from auzap.contract.services import Clock, Outbox, OwnHooks, Services
from auzap.model.turn import TenantStore

if TYPE_CHECKING:
    import httpx
    from sqlmodel import SQLModel
    from structlog.typing import FilteringBoundLogger

__all__ = ["Plugin", "TenantInfo"]


@dataclass(frozen=True, slots=True)
class TenantInfo:
    """The business that a plugin instance works for."""

    #: on the wire ``organizationId``
    id: str
    #: as the YAML says it
    name: str
    #: IANA name, such as ``America/Sao_Paulo``
    timezone: str


class Plugin:
    """Subclass it, mark methods with ``@auzap.hookimpl``, name it in the entry-point group ``auzap.plugins``.

    One instance a tenant, built when the tenant is first needed, and again when its configuration changes.
    """

    #: what its mapping in the YAML may say
    Options: ClassVar[type[BaseOptions]] = BaseOptions
    #: SQLModel tables that the plugin owns
    tables: ClassVar[Sequence[type[SQLModel]]] = ()
    #: an importable package with Alembic's ``versions/``, such as ``auzap_demo.migrations``; without it the tables
    #: are made as they are declared
    migrations: ClassVar[str | None] = None
    #: a class or module whose functions, marked with ``@auzap.hookspec``, are hooks that other plugins implement with
    #: ``@auzap.hookimpl(optionalhook=True)``; asked through ``hooks``
    hookspecs: ClassVar[object | None] = None

    #: an instance of the plugin's own ``Options``
    options: Any
    #: the name in the tenant's YAML
    name: str
    #: the business that it works for
    tenant: TenantInfo
    #: what the properties below give
    services: Services

    def __init__(self, options: BaseOptions, *, name: str, tenant: TenantInfo, services: Services) -> None:
        self.options = options
        self.name = name
        self.tenant = tenant
        self.services = services

    def lifespan(self) -> AbstractAsyncContextManager[None]:
        """Entered before the first turn and left after the last one, by one task: override it with an
        ``@asynccontextmanager`` that opens what the plugin needs, a task group too.
        """
        return nullcontext()

    @property
    def log(self) -> FilteringBoundLogger:
        """Log events carry the tenant and the plugin."""
        return self.services.log

    @property
    def clock(self) -> Clock:
        """What time it is for the tenant."""
        return self.services.clock

    @property
    def http(self) -> httpx.AsyncClient:
        """An httpx client. Connections are shared by all tenants, cookies and headers are not."""
        return self.services.http()

    @property
    def store(self) -> TenantStore:
        """The database, as the tenant sees it."""
        return self.services.store

    @property
    def outbox(self) -> Outbox:
        """Sends what answers no turn."""
        return self.services.outbox

    @property
    def hooks(self) -> OwnHooks:
        """Calls the hooks of ``hookspecs``."""
        return self.services.hooks
