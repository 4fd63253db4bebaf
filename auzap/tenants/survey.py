"""Look at all tenants without starting them."""

from __future__ import annotations

from collections.abc import Iterable

from auzap.config.models import Config, InstanceConfig, TenantConfig
from auzap.contract.channel import Channel
from auzap.contract.plugin import Plugin
from auzap.hooks import Calls
from auzap.model.errors import AuzapError
from auzap.registry import Registry
from auzap.services import Kit
from auzap.storage.migrate import PluginTables
from auzap.tenants.build import (
    channel_class,
    check_channel_options,
    check_plugin_options,
    make_channel,
    make_hooks,
    make_plugin,
    plugin_info,
)

__all__ = ["Surveyor", "survey", "tables_of"]


def survey(config: Config, registry: Registry) -> dict[str, AuzapError]:
    """Tenant -> why it cannot run: a plugin or channel that will not load, an option that is wrong."""
    return Surveyor(config, registry).look_at(config.tenants.values())


class Surveyor:
    """Tenants are much alike: what was found right once is not looked at again.

    Each class with each set of options is tried once, and each set of classes once. A plugin is made only where its
    ``__init__`` is its own, and might not like its options.
    """

    def __init__(self, config: Config, registry: Registry) -> None:
        self._config = config
        self._registry = registry
        self._kit = Kit(None)
        self._right: set[tuple[type, str]] = set()
        self._together: set[tuple[object, ...]] = set()

    def look_at(self, tenants: Iterable[TenantConfig]) -> dict[str, AuzapError]:
        """Tenant -> why it cannot run."""
        broken: dict[str, AuzapError] = {}
        for tenant in tenants:
            try:
                self._look(tenant)
            except AuzapError as error:
                broken[tenant.id] = error
        return broken

    def _look(self, tenant: TenantConfig) -> None:
        together: list[object] = []
        for name, entry in tenant.plugins.items():
            info = plugin_info(name, entry, self._registry)
            cls = info.cls
            known = (cls, entry.options.digest())
            if known not in self._right:
                if cls.__init__ is Plugin.__init__:
                    check_plugin_options(entry, info)
                else:
                    make_plugin(tenant, name, entry, self._registry, self._kit)
                self._right.add(known)
            together += [cls, entry.options.keys_of("timeouts")]
        if (key := tuple(together)) not in self._together:
            make_hooks(self._config, tenant, registry=self._registry, kit=self._kit, calls=Calls())
            self._together.add(key)
        for name, instance in tenant.instances.items():
            self._look_at_instance(tenant, name, instance)

    def _look_at_instance(self, tenant: TenantConfig, name: str, instance: InstanceConfig) -> None:
        kind = channel_class(instance, self._registry)
        known = (kind, instance.options.digest())
        if known in self._right:
            return
        if kind.__init__ is Channel.__init__ and instance.normalizer is None:
            check_channel_options(instance, kind)
        else:
            make_channel(tenant, name, instance, self._registry)
        self._right.add(known)


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
