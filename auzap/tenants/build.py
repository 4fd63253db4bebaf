"""From a tenant's configuration to a tenant that runs."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import PurePath

from auzap.config.models import Config, InstanceConfig, PluginEntry, TenantConfig
from auzap.config.options import RawOptions
from auzap.contract.channel import Channel
from auzap.contract.plugin import TenantInfo
from auzap.hooks import Calls, RegisteredPlugin, TenantHooks
from auzap.logs import get_logger
from auzap.model.errors import AuzapError, PluginError
from auzap.model.phones import phone_key, typed_digits
from auzap.registry import Registry
from auzap.storage.store import Store
from auzap.tenants.owners import OwnerBook
from auzap.tenants.runtime import Tenant

__all__ = ["build", "make_channel", "make_hooks", "make_plugin"]


async def build(
    config: Config, tenant: TenantConfig, *, registry: Registry, store: Store, calls: Calls, stack: AsyncExitStack
) -> Tenant:
    """Load the plugins, connect the channels, write the owners' rows.

    :param stack: closes what was opened.
    :raises PluginError: a plugin cannot be registered.
    :raises ConfigError: a plugin or channel cannot be loaded, or an option of it is wrong.
    """
    hooks = make_hooks(config, tenant, registry=registry, calls=calls)
    channels = {name: make_channel(tenant, name, instance, registry) for name, instance in tenant.instances.items()}
    await store.ensure_owners(tenant.id, [digits for owner in tenant.owners if (digits := typed_digits(owner))])
    for channel in channels.values():
        await stack.enter_async_context(channel)
    return Tenant(
        info=_info(tenant),
        config=tenant,
        hooks=hooks,
        channels=channels,
        store=store.tenant(tenant.id),
        owners=OwnerBook(tenant.id, store),
        only=_pilot(tenant),
    )


def make_hooks(config: Config, tenant: TenantConfig, *, registry: Registry, calls: Calls) -> TenantHooks:
    """The tenant's plugins, one instance each, in the order of the YAML."""
    plugins = [make_plugin(tenant, name, entry, registry) for name, entry in tenant.plugins.items()]
    return TenantHooks(_info(tenant), plugins, timeout=config.worker.timeout, calls=calls)


def make_plugin(tenant: TenantConfig, name: str, entry: PluginEntry, registry: Registry) -> RegisteredPlugin:
    try:
        info = registry.plugin(entry.use)
    except PluginError as error:
        raise entry.options.mistake(str(error), *(["use"] if entry.use != name else [])) from error
    log = get_logger("auzap.plugin").bind(organization_id=tenant.id, plugin=name)
    with _foreign(entry.options, f"plugin {info.name}: {info.distribution} {info.version}"):
        options = entry.options.validate(info.cls.Options)
        plugin = info.cls(options, name=name, tenant=_info(tenant), log=log)
    return RegisteredPlugin(plugin, info.distribution)


def make_channel(tenant: TenantConfig, name: str, instance: InstanceConfig, registry: Registry) -> Channel:
    try:
        kind = registry.channel(instance.channel)
    except PluginError as error:
        raise instance.options.mistake(str(error), "channel") from error
    with _foreign(instance.options, f"channel {instance.channel}"):
        return kind(tenant.id, name, instance.options.validate(kind.Options))


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
