"""What a bot is made of, and the configuration that says so."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr
from pydantic_core import to_jsonable_python

from auzap.config import Config, parse
from auzap.contract.channel import Channel
from auzap.contract.plugin import Plugin
from auzap.registry import PluginInfo, Registry

__all__ = ["CLIENT", "GROUP", "TENANT", "Given", "Setup", "Using", "configured", "name_of", "uses"]

#: the tenant's id; ``Setup.others`` are further ones
TENANT = "loja"
#: the phone of the customer who writes where nobody else is named
CLIENT = "5511900000010"
#: the entry points of plugins
GROUP = "auzap.plugins"


@dataclass(frozen=True, slots=True)
class Using:
    """A plugin with its options.

    :param plugin: its class, or the name of one that is installed.
    :param name: as the tenant's YAML would call it; by default the plugin's own.
    """

    plugin: type[Plugin] | str
    options: Mapping[str, Any] = field(default_factory=dict)
    name: str | None = None


def uses(plugin: type[Plugin] | str, /, *, as_name: str | None = None, **options: Any) -> Using:
    """A plugin with its options, where a class or a name alone would have none."""
    return Using(plugin, options, as_name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """A tenant, its plugins and its people.

    :param plugins: in the order in which they are asked: classes, names of installed plugins, or ``uses(…)``.
    :param owners: the owners' phones; the first is ``bot.owner``.
    :param client: the phone of ``bot.client``, who writes unless somebody else is named.
    :param tenant: what else would stand in the tenant's YAML, such as ``{"burst": {"window": "3s"}, "groups": True}``.
    :param worker: what would stand under ``worker:``; an attempt that failed is repeated at once by default.
    :param now: what time it is at the beginning; without a time zone it is the tenant's.
    :param instances: the connected numbers.
    :param others: ids of further tenants with the same plugins: ``bot.tenant(id)``.
    """

    plugins: Sequence[type[Plugin] | str | Using]
    name: str = "Loja de Teste"
    timezone: str = "America/Sao_Paulo"
    owners: Sequence[str] = ("+55 11 90000-0001",)
    client: str = CLIENT
    tenant: Mapping[str, Any] = field(default_factory=dict)
    worker: Mapping[str, Any] = field(default_factory=dict)
    now: datetime | None = None
    instances: Sequence[str] = ("main",)
    others: Sequence[str] = ()


class Given(Registry):
    """What is installed, and the classes that a setup brings along; every instance's channel is the same.

    :param classes: by the name under which the configuration uses them.
    :param plugins_dir: a folder with more of them.
    """

    def __init__(
        self, classes: Mapping[str, type[Plugin]], channel: type[Channel], plugins_dir: Path | None = None
    ) -> None:
        super().__init__(plugins_dir)
        self._classes = classes
        self._every_channel = channel

    def plugin(self, name: str) -> PluginInfo:
        given = self._classes.get(name)
        if given is None:
            return super().plugin(name)
        entry = _entry_of(given)
        if entry is not None and entry.dist is not None:
            return PluginInfo(name, given, entry.dist.name, entry.dist.version)
        return PluginInfo(name, given, given.__module__.partition(".")[0], "?")

    def channel(self, name: str) -> type[Channel]:
        return self._every_channel


def configured(setup: Setup, folder: Path, channel: type[Channel]) -> tuple[Config, Given]:
    """:raises ConfigError: an option is wrong."""
    classes: dict[str, type[Plugin]] = {}
    plugins: dict[str, Any] = {}
    for using in map(_as_using, setup.plugins):
        own = using.plugin if isinstance(using.plugin, str) else name_of(using.plugin)
        if not isinstance(using.plugin, str):
            classes[own] = using.plugin
        name = using.name or own
        if name in plugins:
            raise ValueError(f"two plugins are called {name}: write uses(…, as_name=…) for one of them")
        options = {key: _as_yaml(value) for key, value in using.options.items()}
        plugins[name] = options if name == own else {"use": own, **options}
    tenant = {
        "name": setup.name,
        "timezone": setup.timezone,
        "owners": list(setup.owners),
        "instances": {name: {"channel": channel.name, "rate_limit": None} for name in setup.instances},
        "plugins": plugins,
        **_as_yaml(setup.tenant),
    }
    document = {
        "queue": "sqlite:///queue.db",
        "database": "sqlite:///auzap.db",
        "worker": {"backoff": {"delay": "0ms"}, **_as_yaml(setup.worker)},
        "tenants": dict.fromkeys((TENANT, *setup.others), tenant),
    }
    # JSON is YAML, and so the options go the way that they go in a configuration
    text = json.dumps(document, ensure_ascii=False)
    return parse(text, folder / "setup", {}), Given(classes, channel)


def _as_using(given: type[Plugin] | str | Using) -> Using:
    return given if isinstance(given, Using) else Using(given)


def name_of(plugin: type[Plugin]) -> str:
    """As it is installed, else its class's."""
    entry = _entry_of(plugin)
    return entry.name if entry is not None else plugin.__name__.lower()


def _entry_of(plugin: type[Plugin]) -> EntryPoint | None:
    module, name = plugin.__module__, plugin.__qualname__
    for entry in _installed():
        place, _, attribute = entry.value.partition(":")
        # a package may hold the class of one of its modules
        if attribute.strip() == name and (module == place or module.startswith(f"{place}.")):
            return entry
    return None


@cache
def _installed() -> tuple[EntryPoint, ...]:
    """Looking through all distributions takes 10 ms."""
    return tuple(entry_points(group=GROUP))


def _as_yaml(value: Any) -> Any:
    """As it would stand in the file: a ``$`` of a text would else begin a secret."""
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if isinstance(value, str):
        return value.replace("$", "$$")
    if isinstance(value, Mapping):
        return {str(key): _as_yaml(one) for key, one in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_as_yaml(one) for one in value]
    if isinstance(value, BaseModel):
        return _as_yaml(value.model_dump())
    if value is None or isinstance(value, (bool, int, float)):
        return value
    return to_jsonable_python(value)
