"""From a tenant's configuration to a tenant that runs."""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import PurePath

from auzap.config.models import Config, InstanceConfig, NormalizerEntry, PluginEntry, TenantConfig
from auzap.config.options import RawOptions
from auzap.contract.channel import Channel
from auzap.contract.normalizer import Normalizer
from auzap.contract.plugin import Plugin, TenantInfo
from auzap.hooks import Calls, Own, RegisteredPlugin, TenantHooks
from auzap.model.errors import AuzapError, PluginError
from auzap.model.phones import phone_key, typed_digits
from auzap.registry import PluginInfo, Registry
from auzap.services import Kit
from auzap.storage.store import Store
from auzap.tenants.lifespans import Held
from auzap.tenants.owners import OwnerBook
from auzap.tenants.runtime import Tenant

__all__ = [
    "build",
    "channel_class",
    "check_channel_options",
    "check_plugin_options",
    "lifespans",
    "make_channel",
    "make_hooks",
    "make_plugin",
    "make_plugins",
    "plugin_info",
]


async def build(
    config: Config,
    tenant: TenantConfig,
    channels: Mapping[str, Channel],
    *,
    registry: Registry,
    store: Store,
    kit: Kit,
    calls: Calls,
) -> Tenant:
    """Make the plugins, write the owners' rows; no lifespan is entered.

    :param channels: by instance; open.
    :raises PluginError: a plugin cannot be registered.
    :raises ConfigError: a plugin cannot be loaded, or an option of it is wrong.
    """
    plugins = make_plugins(tenant, registry=registry, kit=kit)
    hooks = TenantHooks(_info(tenant), plugins, timeout=config.worker.timeout, calls=calls)
    await store.ensure_owners(tenant.id, [digits for owner in tenant.owners if (digits := typed_digits(owner))])
    return Tenant(
        info=_info(tenant),
        config=tenant,
        hooks=hooks,
        plugins={one.plugin.name: one.plugin for one in plugins},
        channels=channels,
        store=store.tenant(tenant.id),
        owners=OwnerBook(tenant.id, store),
        only=_pilot(tenant),
    )


def make_hooks(config: Config, tenant: TenantConfig, *, registry: Registry, kit: Kit, calls: Calls) -> TenantHooks:
    """The tenant's plugins, to be asked."""
    plugins = make_plugins(tenant, registry=registry, kit=kit)
    return TenantHooks(_info(tenant), plugins, timeout=config.worker.timeout, calls=calls)


def make_plugins(tenant: TenantConfig, *, registry: Registry, kit: Kit) -> list[RegisteredPlugin]:
    """One instance each, in the order of the YAML."""
    return [make_plugin(tenant, name, entry, registry, kit) for name, entry in tenant.plugins.items()]


def lifespans(tenant: Tenant, *, timeout: float) -> list[Held]:
    """Of the plugins that have one, in the order of the YAML.

    :param timeout: seconds, of plugins whose options have none.
    """
    return [
        Held(f"plugin {name}", plugin.lifespan, timeout if plugin.options.timeout is None else plugin.options.timeout)
        for name, plugin in tenant.plugins.items()
        if type(plugin).lifespan is not Plugin.lifespan
    ]


def make_plugin(tenant: TenantConfig, name: str, entry: PluginEntry, registry: Registry, kit: Kit) -> RegisteredPlugin:
    info = plugin_info(name, entry, registry)
    services = kit.services(
        _info(tenant), name, version=tenant.version, instances=tenant.instances.keys(), hooks=Own(name)
    )
    with _foreign(entry.options, f"plugin {info.name}: {info.source}"):
        options = entry.options.validate(info.cls.Options)
        plugin = info.cls(options, name=name, tenant=_info(tenant), services=services)
    return RegisteredPlugin(plugin, info.distribution)


def plugin_info(name: str, entry: PluginEntry, registry: Registry) -> PluginInfo:
    """:raises ConfigError: it cannot be loaded; it says where the tenant names it."""
    try:
        return registry.plugin(entry.use)
    except PluginError as error:
        raise entry.options.mistake(str(error), *(["use"] if entry.use != name else [])) from error


def check_plugin_options(entry: PluginEntry, info: PluginInfo) -> None:
    """:raises ConfigError: they are wrong."""
    with _foreign(entry.options, f"plugin {info.name}: {info.source}"):
        entry.options.validate(info.cls.Options)


def make_channel(tenant: TenantConfig, name: str, instance: InstanceConfig, registry: Registry) -> Channel:
    kind = channel_class(instance, registry)
    with _foreign(instance.options, f"channel {instance.channel}"):
        channel = kind(tenant.id, name, instance.options.validate(kind.Options))
    channel.normalizer = _make_normalizer(instance.normalizer, registry)
    return channel


def channel_class(instance: InstanceConfig, registry: Registry) -> type[Channel]:
    """:raises ConfigError: it cannot be loaded; it says where the tenant names it."""
    try:
        return registry.channel(instance.channel)
    except PluginError as error:
        raise instance.options.mistake(str(error), "channel") from error


def check_channel_options(instance: InstanceConfig, kind: type[Channel]) -> None:
    """:raises ConfigError: they are wrong."""
    with _foreign(instance.options, f"channel {instance.channel}"):
        instance.options.validate(kind.Options)


def _make_normalizer(entry: NormalizerEntry | None, registry: Registry) -> Normalizer | None:
    if entry is None:
        return None
    if not entry.use:
        raise entry.options.mistake("is missing: name the normalizer", "use")
    try:
        kind = registry.normalizer(entry.use)
    except PluginError as error:
        raise entry.options.mistake(str(error), "use") from error
    with _foreign(entry.options, f"normalizer {entry.use}"):
        return kind(entry.options.validate(kind.Options))


@contextmanager
def _foreign(options: RawOptions, whose: str) -> Iterator[None]:
    """Somebody else's code runs in here: whatever it raises stops the tenant that uses it, and no other.

    :raises ConfigError: it raised.
    """
    try:
        yield
    except AuzapError:
        raise
    except (Exception, SystemExit) as error:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{'/'.join(PurePath(frame.filename).parts[-2:])}:{frame.lineno}"
        told = " ".join(f"{type(error).__name__}: {error}".split())
        raise options.mistake(f"{whose} does not start: {told} ({place})") from error


def _info(tenant: TenantConfig) -> TenantInfo:
    return TenantInfo(tenant.id, tenant.name, tenant.timezone)


def _pilot(tenant: TenantConfig) -> frozenset[str] | None:
    if tenant.only is None:
        return None
    return frozenset(key for number in tenant.only if (key := phone_key(typed_digits(number))))
