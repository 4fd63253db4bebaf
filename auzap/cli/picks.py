"""Which tenant and which instance a command is about."""

from __future__ import annotations

from collections.abc import Collection
from itertools import islice

import click

from auzap.config import Config
from auzap.config.models import TenantConfig
from auzap.config.nodes import shown
from auzap.model.errors import ConfigError

__all__ = ["pick_instance", "pick_tenant"]

#: names that are listed
_MOST = 20


def pick_tenant(config: Config, name: str | None) -> TenantConfig:
    """The one that is named; without a name the only one that there is.

    :raises ClickException: there is no such tenant, or no name tells which.
    :raises ConfigError: it is broken, or all are.
    """
    if name is not None and name in config.broken:
        raise ConfigError(config.broken[name])
    if name is not None and name not in config.tenants:
        raise click.ClickException(f"unknown tenant {shown(name)!r}: there is {_list(config.tenants)}")
    if name is None and not config.tenants and config.broken:
        raise ConfigError("\n".join(config.broken.values()))
    if name is None and len(config.tenants) != 1:
        broken = f"; broken: {_list(config.broken)}" if config.broken else ""
        raise click.UsageError(f"say which --tenant: there is {_list(config.tenants)}{broken}")
    return config.tenants[name or next(iter(config.tenants))]


def pick_instance(tenant: TenantConfig, name: str | None) -> str:
    """As ``pick_tenant``, of the tenant's instances."""
    if name is not None and name not in tenant.instances:
        text = f"unknown instance {shown(name)!r} of tenant {tenant.id!r}: there is {_list(tenant.instances)}"
        raise click.ClickException(text)
    if name is None and len(tenant.instances) != 1:
        raise click.UsageError(f"say which --instance of tenant {tenant.id!r}: there is {_list(tenant.instances)}")
    return name or next(iter(tenant.instances))


def _list(names: Collection[str]) -> str:
    more = [f"and {len(names) - _MOST:,} more"] if len(names) > _MOST else []
    return ", ".join([*islice(names, _MOST), *more]) or "none"
