"""A tenant of the file: what it says itself over what it inherits."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from auzap.config.explain import check
from auzap.config.models import InstanceConfig, NormalizerEntry, PluginEntry, TenantConfig
from auzap.config.nodes import Mistake, Node
from auzap.config.options import RawOptions

__all__ = ["inherit", "make_tenant"]

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_ID_FORM = "write it with letters, digits, dots, dashes and underscores, a letter or digit first"
_KEYS = TenantConfig.model_fields.keys() - {"id", "raw"}
#: where tenant and defaults are joined name by name, and within a name option by option
_BY_NAME = ("plugins", "instances")


def inherit(tenant: Node, defaults: Node) -> Node:
    """The tenant with the defaults that it does not replace. Its own plugins come first."""
    own, inherited = _as_mapping(tenant), _as_mapping(defaults)
    if not isinstance(own.value, dict) or not isinstance(inherited.value, dict):
        return own
    merged = {**inherited.value, **own.value}
    for key in _BY_NAME:
        if key in own.value and key in inherited.value:
            merged[key] = _join(own.value[key], inherited.value[key], deeper=True)
    return replace(own, value=merged)


def make_tenant(tenant_id: str, node: Node, mistakes: list[Mistake]) -> TenantConfig | None:
    """The tenant, or None and why not in ``mistakes``.

    :param node: with what it inherits.
    """
    before = len(mistakes)
    _check_id(tenant_id, node, mistakes)
    instances = {name: _instance(name, child, mistakes) for name, child in _named(node, "instances", mistakes)}
    plugins = {
        name: _plugin(name, child, mistakes)
        for name, child in _named(node, "plugins", mistakes)
        if child.value is not False
    }
    given = {
        "id": tenant_id,
        "raw": RawOptions(node),
        "instances": {name: instance for name, instance in instances.items() if instance is not None},
        "plugins": {name: plugin for name, plugin in plugins.items() if plugin is not None},
    }
    made = check(TenantConfig, node, mistakes, given=given, keys=_KEYS)
    return made if len(mistakes) == before else None


def _as_mapping(node: Node) -> Node:
    """Nothing where a mapping belongs is an empty one."""
    return replace(node, value={}) if node.value is None and not node.told else node


def _join(own: Node, inherited: Node, *, deeper: bool) -> Node:
    own, inherited = _as_mapping(own), _as_mapping(inherited)
    if not isinstance(own.value, dict) or not isinstance(inherited.value, dict):
        return own
    theirs = inherited.value
    mine = {
        key: _join(child, theirs[key], deeper=False) if deeper and key in theirs else child
        for key, child in own.value.items()
    }
    return replace(own, value={**mine, **{key: child for key, child in theirs.items() if key not in mine}})


def _named(node: Node, key: str, mistakes: list[Mistake]) -> Iterator[tuple[str, Node]]:
    section = node.entries.get(key)
    if section is None or section.told:
        return
    section = _as_mapping(section)
    if not isinstance(section.value, dict):
        mistakes.append(Mistake(section.mark, section.path, "should be a mapping, such as {name: {}}"))
        return
    for name, child in section.value.items():
        _check_id(name, child, mistakes)
        yield name, _as_mapping(child)


def _instance(name: str, node: Node, mistakes: list[Mistake]) -> InstanceConfig | None:
    channel = node.entries.get("channel")
    if channel is not None and isinstance(channel.value, str):
        return InstanceConfig(
            channel=channel.value, options=RawOptions(node), normalizer=_normalizer(node.entries.get("normalizer"))
        )
    if not isinstance(node.value, dict):
        mistakes.append(Mistake(node.mark, node.path, "should be a mapping, such as {channel: baileys}"))
    elif channel is None:
        mistakes.append(Mistake(node.key or node.mark, (*node.path, "channel"), "is missing; write channel: baileys"))
    elif not channel.told:
        mistakes.append(Mistake(channel.mark, channel.path, "should be a channel's name, such as baileys"))
    return None


def _normalizer(node: Node | None) -> NormalizerEntry | None:
    """None also for what is neither a name nor a mapping: the channel's options tell it."""
    if node is None or node.value is None:
        return None
    entry = replace(node, value={"use": node}) if isinstance(node.value, str) else node
    use = entry.entries.get("use")
    name = use.value if use is not None and isinstance(use.value, str) else ""
    return NormalizerEntry(use=name, options=RawOptions(entry)) if isinstance(entry.value, dict) else None


def _plugin(name: str, node: Node, mistakes: list[Mistake]) -> PluginEntry | None:
    if not isinstance(node.value, dict):
        text = f"should be a mapping of the plugin's options ({name}: {{}} for none), or false to switch it off"
        mistakes.append(Mistake(node.mark, node.path, text))
        return None
    use = node.value.get("use")
    if use is None or use.value is None:
        return PluginEntry(use=name, options=RawOptions(node))
    if isinstance(use.value, str):
        return PluginEntry(use=use.value, options=RawOptions(node))
    mistakes.append(Mistake(use.mark, use.path, "should be a plugin's name"))
    return None


def _check_id(name: str, node: Node, mistakes: list[Mistake]) -> None:
    if not _ID.fullmatch(name):
        mistakes.append(Mistake(node.key or node.mark, node.path, f"not a name: {_ID_FORM}"))
