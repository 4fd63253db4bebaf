"""``auzap config``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from auzap.cli.options import as_json, debug, plugins_dir
from auzap.model.errors import PluginError
from auzap.registry import Registry

__all__ = ["config", "known_options", "schema_text"]


@click.group()
def config() -> None:
    """Help with writing the configuration."""


@config.command(short_help="Print the configuration's JSON Schema.")
@debug
@as_json
@plugins_dir
def schema(as_json: bool, plugins_dir: Path | None) -> None:
    """Print the configuration's JSON Schema (draft 2020-12), for editors that complete and check YAML.

    The options of the plugins and channels that are installed are in it. Name it in the first line of the file:

    # yaml-language-server: $schema=config.schema.json
    """
    del as_json  # it is JSON anyway
    click.echo(schema_text(Registry(plugins_dir)), nl=False)


def schema_text(registry: Registry) -> str:
    """The file `config.schema.json`; what does not load is told on standard error and left out."""
    from auzap.config.schema import config_schema

    plugins, channels, broken = known_options(registry)
    for line in broken:
        click.echo(f"left out {line}", err=True)
    return json.dumps(config_schema(plugins, channels), indent=2, ensure_ascii=False) + "\n"


def known_options(registry: Registry) -> tuple[dict[str, Any], dict[str, Any], list[str]]:
    """The options of plugins and of channels, by name, and why some are missing."""
    plugins: dict[str, Any] = {}
    channels: dict[str, Any] = {}
    broken: list[str] = []
    for name in dict.fromkeys(offer.name for offer in registry.plugins()):
        try:
            plugins[name] = registry.plugin(name).cls.Options
        except PluginError as error:
            broken += str(error).splitlines()
    for name in dict.fromkeys(offer.name for offer in registry.backends()):
        kind, _, rest = name.partition(".")
        if kind != "channel":
            continue
        try:
            channels[rest] = registry.channel(rest).Options
        except PluginError as error:
            broken += str(error).splitlines()
    return plugins, channels, broken
