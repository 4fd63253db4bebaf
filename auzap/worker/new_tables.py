"""Tables of plugins that come with a new configuration, which the database does not have yet."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from auzap.config.models import Config, TenantConfig
from auzap.logs import get_logger
from auzap.model.errors import AuzapError
from auzap.registry import Registry
from auzap.tenants.survey import tables_of

__all__ = ["NewTables"]

log = get_logger("auzap.worker")

#: configuration, what is installed -> distributions; blocking
_Schema = Callable[[Config, Registry], list[str]]


class NewTables:
    """
    :param behind: whose tables are not as their code wants them.
    :param upgrade: brings them up to date.
    """

    def __init__(self, registry: Registry, *, behind: _Schema, upgrade: _Schema) -> None:
        self._registry = registry
        self._behind = behind
        self._upgrade = upgrade

    def look(self, old: Config, new: Config, tenants: Sequence[TenantConfig]) -> dict[str, str]:
        """Make those that are missing, where the configuration lets us (blocking).

        :param tenants: those that are new or changed.
        :return: which of them cannot run without, and why.
        """
        known = {one.distribution for one in tables_of(old, self._registry)}
        fresh = {one.distribution for one in tables_of(new, self._registry)} - known
        if not fresh:
            return {}
        why = self._make(new.model_copy(update={"database": old.database}), fresh)
        if why is None:
            return {}
        return {tenant.id: why for tenant in tenants if fresh & self._distributions(tenant)}

    def _make(self, config: Config, fresh: set[str]) -> str | None:
        try:
            behind = [one for one in self._behind(config, self._registry) if one in fresh]
            if behind and config.database.migrate == "manual":
                return f"the schema is behind ({', '.join(behind)}): run `auzap db upgrade`, then `auzap reload`"
            for done in self._upgrade(config, self._registry) if behind else ():
                log.info("Schema upgraded", distribution=done)
        except AuzapError as error:
            return str(error)
        return None

    def _distributions(self, tenant: TenantConfig) -> set[str]:
        return {self._registry.plugin(entry.use).distribution for entry in tenant.plugins.values()}
