"""``auzap plugins show``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from auzap.cli.options import as_json, common, complete_plugin, plugins_dir
from auzap.cli.output import is_terminal, print_json, print_plain, print_table
from auzap.cli.plugins.facts import (
    distribution_of,
    foreign_hooks_of,
    hooks_of,
    hookspecs_of,
    offer_of,
    options_table,
    schedules_in_words,
)
from auzap.cli.plugins.users import config_of, used_by, uses_in_words
from auzap.config.fields import Field
from auzap.config.nodes import shown
from auzap.contract.plugin import Plugin
from auzap.registry import Offer, Registry

__all__ = ["show"]

_COLUMNS = ("Option", "Type", "Default", "Meaning")


@click.command(short_help="Show what a plugin brings.")
@common
@as_json
@plugins_dir
@click.argument("name", shell_complete=complete_plugin)
def show(path: Path, as_json: bool, plugins_dir: Path | None, name: str) -> None:
    """Show what the plugin NAME brings: where it comes from, hooks, options, schedules, tables, commands, who uses it.

    The options that all plugins have (`timeout`, `timeouts`, `breaker`, `roles`, `use`) are shown where their defaults
    differ. A configuration is needed only to tell who uses it.

    JSON: `{"name", "distribution", "version", "entry_point", "summary", "hooks": [hook], "foreign_hooks": [hook of
    another plugin], "hookspecs": [hook of its own], "options": [{"name", "type", "default", "required", "help"}],
    "schedules": {method: when}, "tables": [name], "migrations": package or null, "commands": [name], "backends":
    [name], "used_by": [{"tenant", "name"}], or null without a configuration}`.
    """
    registry = Registry(plugins_dir)
    offer = offer_of(registry, name)
    cls = registry.plugin(name).cls
    uses = used_by(config_of(path), name)
    if as_json:
        told = None if uses is None else [asdict(use) for use in uses]
        print_json({**_facts(offer, cls, registry), "used_by": told})
        return
    _tell(offer, cls, registry, uses_in_words(uses, name))


def _facts(offer: Offer, cls: type[Plugin], registry: Registry) -> dict[str, Any]:
    return {
        "name": offer.name,
        "distribution": offer.distribution,
        "version": offer.version,
        "entry_point": offer.value,
        "summary": _summary(cls),
        "hooks": hooks_of(cls),
        "foreign_hooks": foreign_hooks_of(cls),
        "hookspecs": hookspecs_of(cls),
        "options": [_option(field) for field in options_table(cls.Options)],
        "schedules": schedules_in_words(cls),
        "tables": _tables(cls),
        "migrations": cls.migrations,
        "commands": distribution_of(registry.commands(), offer.distribution),
        "backends": distribution_of(registry.backends(), offer.distribution),
    }


def _option(field: Field) -> dict[str, Any]:
    return {
        "name": field.path,
        "type": field.type.replace("`", ""),
        "default": field.default,
        "required": field.default is None,
        "help": _plain(field.meaning),
    }


def _summary(cls: type[Plugin]) -> str | None:
    """The first line of its docstring; that of the class above it says nothing about this one."""
    text = vars(cls).get("__doc__")
    return text.strip().partition("\n")[0] if isinstance(text, str) and text.strip() else None


def _tables(cls: type[Plugin]) -> list[str]:
    return [str(table.__tablename__) for table in cls.tables]


def _plain(text: str | None) -> str | None:
    return None if text is None else text.replace("`", "")


# ------------------------------------------------------------------ for people


def _tell(offer: Offer, cls: type[Plugin], registry: Registry, users: str) -> None:
    facts = _facts(offer, cls, registry)
    schedules = [f"{method} ({when})" for method, when in facts["schedules"].items()]
    lines = {
        "plugin": f"{offer.name}: {facts['summary']}" if facts["summary"] else offer.name,
        "from": str(offer),
        "hooks": _some(facts["hooks"]),
        "hooks of other plugins": _some(facts["foreign_hooks"]),
        "hooks of its own": _some(facts["hookspecs"]),
        "schedules": _some(schedules),
        "tables": _some(facts["tables"]),
        "migrations": facts["migrations"] or "",
        "commands": _some(facts["commands"]),
        "backends": _some(facts["backends"]),
        "used by": users,
    }
    for what, told in lines.items():
        if told:
            click.echo(f"{what}: {shown(told, limit=None)}")
    rows = [
        (one["name"], one["type"], "required" if one["required"] else one["default"], one["help"] or "-")
        for one in facts["options"]
    ]
    if rows:
        click.echo()
        (print_table if is_terminal() else print_plain)(_COLUMNS, rows)


def _some(names: Sequence[str]) -> str:
    return ", ".join(names)
