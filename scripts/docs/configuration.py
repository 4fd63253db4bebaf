"""The configuration reference, from the models that check a configuration."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from importlib.metadata import entry_points
from pathlib import Path

from auzap.config.models import Config, TenantConfig
from auzap.config.schema import config_schema
from scripts.docs.examples import CHANNEL, PLUGIN, TENANT, TOP
from scripts.docs.fields import Key, keys_of

__all__ = ["configuration", "sections"]

_ASSISTANTS = ("aurora", "client_ai")
#: what the code fills in, and nobody writes
_NOT_WRITTEN = {"path", "base", "broken", "raw", "id"}
#: where a validator takes more than the model
_TYPES = {"database": "URL or mapping"}
#: what is there when nothing is written, and the model does not say
_DEFAULTS = {"database.migrate": "", "name": "", "tenants": "", "instances": "{}", "plugins": "{}"}


def configuration() -> str:
    """The page: what is written in ``configuration.md`` beside this file, and the tables."""
    template = Path(__file__).with_suffix(".md").read_text(encoding="utf-8")
    found = sections()
    return re.sub(r"^%% (.+)\n", lambda place: _tables(place[1], found), template, flags=re.MULTILINE)


def _tables(name: str, found: Mapping[str, Sequence[Key]]) -> str:
    """The table of that name; or all that begin with it, each under its heading."""
    if name in found:
        return _table(found[name])
    return "\n".join(f"### {one}\n\n{_table(keys)}" for one, keys in found.items() if one.startswith(f"{name} "))


def sections() -> dict[str, list[Key]]:
    """All keys, by the heading under which they stand."""
    found = {"The file": _top(), "A tenant": _with_defaults(keys_of(TenantConfig, TENANT, skip=_NOT_WRITTEN))}
    for entry in entry_points(group="auzap.backends"):
        kind, _, name = entry.name.partition(".")
        if kind == "channel" and entry.dist is not None and entry.dist.name == "auzap":
            found[f"Channel {name}"] = list(keys_of(entry.load().Options, CHANNEL))
    for name in _ASSISTANTS:
        [entry] = entry_points(group="auzap.plugins", name=name)
        found[f"Plugin {name}"] = list(keys_of(entry.load().Options, PLUGIN))
    return found


def _top() -> list[Key]:
    keys = _with_defaults(keys_of(Config, TOP, skip=_NOT_WRITTEN))
    schema = config_schema({}, {})["properties"]
    for name, kind in (("tenants_from", "text or list of text"), ("defaults", "mapping")):
        keys.append(Key(name, kind, "null", schema[name]["description"], TOP[name]))
    return keys


def _with_defaults(keys: Iterable[Key]) -> list[Key]:
    return [
        replace(key, type=_TYPES.get(key.path, key.type), default=_DEFAULTS.get(key.path, key.default)) for key in keys
    ]


def _table(keys: Iterable[Key]) -> str:
    return "\n".join(
        ["| key | type | default | meaning | example |", "| --- | --- | --- | --- | --- |", *_rows(keys), ""]
    )


def _rows(keys: Iterable[Key]) -> Iterator[str]:
    for key in keys:
        default = "required" if key.default is None else _code(key.default)
        cells = (_code(key.path), key.type, default, key.meaning, _code(key.example))
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _code(text: str) -> str:
    return f"`{text}`" if text else ""
