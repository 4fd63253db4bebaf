"""Look at all tenants without starting them."""

from __future__ import annotations

from auzap.config.models import Config
from auzap.hooks import Calls
from auzap.model.errors import AuzapError
from auzap.registry import Registry
from auzap.storage.migrate import PluginTables
from auzap.tenants.build import make_channel, make_hooks

__all__ = ["survey", "tables_of"]


def survey(config: Config, registry: Registry) -> dict[str, AuzapError]:
    """Tenant -> why it cannot run: a plugin or channel that will not load, an option that is wrong."""
    broken: dict[str, AuzapError] = {}
    for tenant in config.tenants.values():
        try:
            make_hooks(config, tenant, registry=registry, calls=Calls())
            for name, instance in tenant.instances.items():
                make_channel(tenant, name, instance, registry)
        except AuzapError as error:
            broken[tenant.id] = error
    return broken


def tables_of(config: Config, registry: Registry) -> list[PluginTables]:
    """The tables of all plugins that a tenant uses, by distribution. Plugins that will not load have none."""
    found: dict[str, PluginTables] = {}
    for name in {entry.use for tenant in config.tenants.values() for entry in tenant.plugins.values()}:
        try:
            info = registry.plugin(name)
        except AuzapError:
            continue  # reported with the tenants that use it
        if info.cls.tables or info.cls.migrations:
            before = found.get(info.distribution)
            tables = tuple(before.tables if before is not None else ()) + tuple(info.cls.tables)
            migrations = info.cls.migrations or (before.migrations if before is not None else None)
            found[info.distribution] = PluginTables(info.distribution, migrations, tables)
    return list(found.values())
