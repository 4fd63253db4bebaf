"""What a plugin is: a class whose methods implement hooks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from auzap.contract.options import Options as BaseOptions

if TYPE_CHECKING:
    from sqlmodel import SQLModel
    from structlog.typing import FilteringBoundLogger

__all__ = ["Plugin", "TenantInfo"]


@dataclass(frozen=True, slots=True)
class TenantInfo:
    """The business that a plugin instance works for."""

    id: str
    name: str
    #: IANA name, such as ``America/Sao_Paulo``
    timezone: str


class Plugin:
    """Subclass it, mark methods with ``@auzap.hookimpl``, name it in the entry-point group ``auzap.plugins``.

    One instance a tenant, built when the tenant is first needed.
    """

    Options: ClassVar[type[BaseOptions]] = BaseOptions
    #: SQLModel tables that the plugin owns
    tables: ClassVar[Sequence[type[SQLModel]]] = ()
    #: an importable package with Alembic's ``versions/``, such as ``auzap_demo.migrations``; without it the tables
    #: are made as they are declared
    migrations: ClassVar[str | None] = None

    #: an instance of the plugin's own ``Options``
    options: Any
    #: the name in the tenant's YAML
    name: str
    tenant: TenantInfo
    #: log events carry the tenant and the plugin
    log: FilteringBoundLogger

    def __init__(self, options: BaseOptions, *, name: str, tenant: TenantInfo, log: FilteringBoundLogger) -> None:
        self.options = options
        self.name = name
        self.tenant = tenant
        self.log = log
