"""Each tenant: its plugins and channels with their options, and what is there twice or for nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from auzap.cli.checks.report import Report, TenantLine
from auzap.config import Config
from auzap.config.models import TenantConfig
from auzap.contract.plugin import TenantInfo
from auzap.hooks import Calls, RegisteredPlugin, TenantHooks
from auzap.model.errors import AuzapError
from auzap.model.phones import phone_key, typed_digits
from auzap.registry import NotInstalled, Registry
from auzap.services import Kit
from auzap.tenants.build import make_channel, make_plugin
from auzap.tenants.survey import Surveyor

__all__ = ["look_at_tenants"]

#: tenants of which every mistake is looked for; of those that come after them the first one is told
_IN_DETAIL = 100
#: tenants that are named
_NAMED = 5


def look_at_tenants(config: Config, registry: Registry, report: Report, *, only: str | None = None) -> None:
    """:param only: leave the others alone."""
    tenants = [tenant for tenant in config.tenants.values() if only is None or tenant.id == only]
    surveyor, inherited = Surveyor(config, registry), _default_plugins(config)
    missing = _Missing(tenants)
    detailed = 0
    for tenant in tenants:
        whose = f"tenant {tenant.id}"
        first = surveyor.look_at([tenant]).get(tenant.id)
        errors = [first] if first is not None else []
        if first is not None and detailed < _IN_DETAIL:
            errors, detailed = [*_of_plugins(config, tenant, registry), *_of_channels(tenant, registry)], detailed + 1
        for error in errors:
            if isinstance(error.__cause__, NotInstalled):
                report.add(missing.told(tenant, error))
            else:
                report.mistake(error, whose)
        for error in _for_nothing(tenant, inherited):
            report.mistake(error, whose)
        for note in _notes(tenant):
            report.note(f"{whose}: {note}")
        if not errors:
            channels = {name: instance.channel for name, instance in tenant.instances.items()}
            report.tenants.append(TenantLine(tenant.id, tuple(tenant.plugins), channels, tenant.suspended))
    if only is None:
        for error in _unused_defaults(config, inherited):
            report.mistake(error)


class _Missing:
    """What is not installed: one line each, whoever uses it."""

    def __init__(self, tenants: Sequence[TenantConfig]) -> None:
        self._tenants = tenants
        self._told: set[str] = set()

    def told(self, tenant: TenantConfig, error: AuzapError) -> list[str]:
        """Nothing when it was told of another tenant."""
        why = str(error.__cause__)
        if why in self._told:
            return []
        self._told.add(why)
        use = next((one.use for one in tenant.plugins.values() if why.startswith(f"plugin {one.use!r}: ")), None)
        if use is None:  # a channel, or a normalizer
            return [str(error)]
        users = [one.id for one in self._tenants if any(entry.use == use for entry in one.plugins.values())]
        more = [f"{len(users) - _NAMED:,} more"] if len(users) > _NAMED else []
        return [f"{error}; used by: {', '.join([*users[:_NAMED], *more])}"]


def _of_plugins(config: Config, tenant: TenantConfig, registry: Registry) -> Iterator[AuzapError]:
    made: list[RegisteredPlugin] = []
    for name, entry in tenant.plugins.items():
        try:
            made.append(make_plugin(tenant, name, entry, registry, Kit(None)))
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


def _for_nothing(tenant: TenantConfig, inherited: Collection[str]) -> Iterator[AuzapError]:
    for key, numbers in (("owners", tenant.owners), ("only", tenant.only or ())):
        for place, first in _twice(numbers):
            text = f"{numbers[place]!r} is there already, as {numbers[first]!r}; keep one of them"
            yield tenant.raw.mistake(text, key, place)
    for name in tenant.raw.keys_of("plugins"):
        if name not in tenant.plugins and name not in inherited:  # so it is false
            text = "switches nothing off: `defaults` has no plugin of this name"
            yield tenant.raw.mistake(text, "plugins", name)


def _twice(numbers: Iterable[str]) -> Iterator[tuple[int, int]]:
    """The places of numbers of people who were named before, and where that was."""
    seen: dict[str | None, int] = {}
    for place, number in enumerate(numbers):
        first = seen.setdefault(phone_key(typed_digits(number)), place)
        if first != place:
            yield place, first


def _unused_defaults(config: Config, inherited: Iterable[str]) -> Iterator[AuzapError]:
    """Only where all tenants can be read: one that is broken may use it."""
    if config.broken:
        return
    used = {name for tenant in config.tenants.values() for name in tenant.plugins}
    for name in inherited:
        if name not in used:
            yield config.raw.mistake("no tenant uses it: all have switched it off", "defaults", "plugins", name)


def _default_plugins(config: Config) -> list[str]:
    plugins: Mapping[str, object] = config.raw.mapping("defaults", "plugins")
    return [name for name, value in plugins.items() if value is not False]


def _notes(tenant: TenantConfig) -> Iterator[str]:
    if not tenant.instances:
        yield "it has no instances: nothing reaches it"
    if not tenant.plugins:
        yield "it has no plugins: nobody answers"
    consoles = [name for name, one in tenant.instances.items() if one.channel in ("console", "demo")]
    if len(consoles) > 1:
        yield f"its instances {', '.join(consoles)} want the same keyboard: only the first gets it"
