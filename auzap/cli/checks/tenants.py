"""Each tenant: its plugins and channels with their options, and what is there twice or for nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from auzap.cli.checks.report import Report, TenantLine
from auzap.config import Config
from auzap.config.models import TenantConfig
from auzap.contract.plugin import TenantInfo
from auzap.hooks import Calls, RegisteredPlugin, TenantHooks
from auzap.model.errors import AuzapError
from auzap.model.phones import phone_key, typed_digits
from auzap.registry import Registry
from auzap.tenants.build import make_channel, make_plugin

__all__ = ["look_at_tenants"]


def look_at_tenants(config: Config, registry: Registry, report: Report) -> None:
    for tenant in config.tenants.values():
        whose = f"tenant {tenant.id}"
        errors = [*_of_plugins(config, tenant, registry), *_of_channels(tenant, registry)]
        for error in [*errors, *_for_nothing(config, tenant)]:
            report.mistake(error, whose)
        for note in _notes(tenant):
            report.note(f"{whose}: {note}")
        if not errors:
            channels = {name: instance.channel for name, instance in tenant.instances.items()}
            report.tenants.append(TenantLine(tenant.id, tuple(tenant.plugins), channels))
    for error in _unused_defaults(config):
        report.mistake(error)


def _of_plugins(config: Config, tenant: TenantConfig, registry: Registry) -> Iterator[AuzapError]:
    made: list[RegisteredPlugin] = []
    for name, entry in tenant.plugins.items():
        try:
            made.append(make_plugin(tenant, name, entry, registry))
        except AuzapError as error:
            yield error
    try:
        info = TenantInfo(tenant.id, tenant.name, tenant.timezone)
        TenantHooks(info, made, timeout=config.worker.timeout, calls=Calls())
    except AuzapError as error:
        yield error


def _of_channels(tenant: TenantConfig, registry: Registry) -> Iterator[AuzapError]:
    for name, instance in tenant.instances.items():
        try:
            make_channel(tenant, name, instance, registry)
        except AuzapError as error:
            yield error


# ------------------------------------------------------------------ twice, or for nothing


def _for_nothing(config: Config, tenant: TenantConfig) -> Iterator[AuzapError]:
    for key, numbers in (("owners", tenant.owners), ("only", tenant.only or ())):
        for place, first in _twice(numbers):
            text = f"{numbers[place]!r} is there already, as {numbers[first]!r}; keep one of them"
            yield tenant.raw.mistake(text, key, place)
    inherited = _default_plugins(config)
    for name, value in (tenant.raw.values.get("plugins") or {}).items():
        if value is False and name not in inherited:
            text = "switches nothing off: `defaults` has no plugin of this name"
            yield tenant.raw.mistake(text, "plugins", name)


def _twice(numbers: Iterable[str]) -> Iterator[tuple[int, int]]:
    """The places of numbers of people who were named before, and where that was."""
    seen: dict[str | None, int] = {}
    for place, number in enumerate(numbers):
        first = seen.setdefault(phone_key(typed_digits(number)), place)
        if first != place:
            yield place, first


def _unused_defaults(config: Config) -> Iterator[AuzapError]:
    """Only where all tenants can be read: one that is broken may use it."""
    if config.broken:
        return
    used = {name for tenant in config.tenants.values() for name in tenant.plugins}
    for name in _default_plugins(config):
        if name not in used:
            yield config.raw.mistake("no tenant uses it: all have switched it off", "defaults", "plugins", name)


def _default_plugins(config: Config) -> dict[str, object]:
    defaults = config.raw.values.get("defaults") or {}
    plugins = defaults.get("plugins") if isinstance(defaults, dict) else None
    found = plugins if isinstance(plugins, dict) else {}
    return {name: value for name, value in found.items() if value is not False}


def _notes(tenant: TenantConfig) -> Iterator[str]:
    if not tenant.instances:
        yield "it has no instances: nothing reaches it"
    if not tenant.plugins:
        yield "it has no plugins: nobody answers"
    consoles = [name for name, one in tenant.instances.items() if one.channel in ("console", "demo")]
    if len(consoles) > 1:
        yield f"its instances {', '.join(consoles)} want the same keyboard: only the first gets it"
