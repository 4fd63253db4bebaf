"""What can be told of a plugin from its class; nothing of it runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import click
from pydantic import BaseModel

from auzap.config.fields import Field, fields_of
from auzap.contract.hookspecs import PROJECT
from auzap.contract.options import Options
from auzap.contract.plugin import Plugin
from auzap.contract.schedules import Schedule, schedules_of
from auzap.hooks.methods import options_of
from auzap.hooks.mistakes import HOOKS
from auzap.model.durations import format_duration
from auzap.model.errors import PluginError
from auzap.registry import NotInstalled, Offer, Registry

__all__ = [
    "distribution_of",
    "foreign_hooks_of",
    "hooks_of",
    "hookspecs_of",
    "offer_of",
    "options_table",
    "own_names",
    "schedules_in_words",
]

#: pluggy's markers note what a hook is like as ``<project>_spec``
_SPECIFIED = f"{PROJECT}_spec"


@dataclass(frozen=True, slots=True)
class _Marked:
    hook: str
    optional: bool


def hooks_of(cls: type[Plugin]) -> tuple[str, ...]:
    """Those of auzap that it implements, in the order of a turn."""
    noted = {one.hook for one in _marked(cls)}
    return tuple(hook for hook in HOOKS if hook in noted)


def foreign_hooks_of(cls: type[Plugin]) -> tuple[str, ...]:
    """Those that other plugins specify."""
    return tuple(sorted({one.hook for one in _marked(cls) if one.optional and one.hook not in HOOKS}))


def hookspecs_of(cls: type[Plugin]) -> tuple[str, ...]:
    """Those that it specifies itself."""
    specified = cls.hookspecs
    return tuple(name for name in dir(specified) if hasattr(getattr(specified, name, None), _SPECIFIED))


def schedules_in_words(cls: type[Plugin]) -> dict[str, str]:
    """Method -> when it runs."""
    return {name: _when(schedule) for name, schedule in schedules_of(cls).items()}


def options_table(options: type[BaseModel], base: type[BaseModel] = Options) -> list[Field]:
    """Its own, and those of all plugins that are required or have another default here; own ones first."""
    theirs = {field.path: field for field in fields_of(base)}
    own = list(fields_of(options))
    return [
        *(field for field in own if field.path not in theirs),
        *(field for field in own if field.path in theirs and field.default != theirs[field.path].default),
    ]


def own_names(options: type[BaseModel], base: type[BaseModel]) -> tuple[str, ...]:
    """The keys that only it has."""
    return tuple(name for name in options.model_fields if name not in base.model_fields)


def offer_of(registry: Registry, name: str) -> Offer:
    """:raises BadParameter: there is no plugin of that name."""
    offers = [offer for offer in registry.plugins() if offer.name == name]
    if offers:
        return offers[0]
    try:
        registry.plugin(name)
    except NotInstalled as error:
        raise click.BadParameter(str(error), param_hint="'NAME'") from error
    raise PluginError(f"plugin {name}: it has come about just now; look again")


def distribution_of(offers: Sequence[Offer], distribution: str) -> tuple[str, ...]:
    """The names of what the same distribution offers."""
    return tuple(offer.name for offer in offers if offer.distribution == distribution)


def _marked(cls: type[Any]) -> list[_Marked]:
    return [
        _Marked(options.get("specname") or name, bool(options.get("optionalhook")))
        for name in dir(cls)
        if (options := options_of(cls, name)) is not None
    ]


def _when(schedule: Schedule) -> str:
    if schedule.seconds is not None:
        return f"every {format_duration(schedule.seconds)}"
    return f"daily at {schedule.at:%H:%M}"
