"""Who uses a plugin, as far as there is a configuration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click
from click.core import ParameterSource

from auzap.config import Config, load
from auzap.model.errors import ConfigError

__all__ = ["Use", "config_of", "used_by", "uses_in_words"]

#: tenants that are named; there may be thousands
_NAMED = 10


@dataclass(frozen=True, slots=True)
class Use:
    tenant: str
    #: what the tenant calls it
    name: str


def config_of(path: Path) -> Config | None:
    """None where there is none, unless somebody named the file, or it cannot be read.

    :raises ConfigError: the file that was named is not there.
    """
    named = click.get_current_context().get_parameter_source("path") is not ParameterSource.DEFAULT
    if not named and not path.exists():
        return None
    try:
        return load(path, tolerant=True)
    except ConfigError as error:
        if not path.exists():
            raise
        for line in str(error).splitlines():
            click.echo(f"who uses it cannot be told: {line}", err=True)
        return None


def used_by(config: Config | None, name: str) -> list[Use] | None:
    """None: there is no configuration."""
    if config is None:
        return None
    return [
        Use(tenant.id, called)
        for tenant in config.tenants.values()
        for called, entry in tenant.plugins.items()
        if entry.use == name
    ]


def uses_in_words(uses: Sequence[Use] | None, name: str) -> str:
    if uses is None:
        return "not known: there is no configuration"
    if not uses:
        return "nobody"
    told = [use.tenant if use.name == name else f"{use.tenant} (as {use.name})" for use in uses[:_NAMED]]
    more = f" and {len(uses) - _NAMED:,} more" if len(uses) > _NAMED else ""
    return ", ".join(told) + more
