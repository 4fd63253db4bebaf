"""``auzap plugins list``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import click

from auzap.cli.options import as_json, debug, plugins_dir
from auzap.cli.output import is_terminal, print_json, print_plain, print_table
from auzap.cli.plugins.facts import hooks_of, own_names
from auzap.cli.progress import progress
from auzap.config.nodes import shown
from auzap.contract.channel import ChannelOptions
from auzap.contract.normalizer import NormalizerOptions
from auzap.contract.options import Options
from auzap.model.errors import PluginError
from auzap.registry import Offer, Registry

__all__ = ["list_"]

_COLUMNS = ("Plugin", "Distribution", "Hooks", "Options", "Loads")
_BACKEND_COLUMNS = ("Backend", "Distribution", "Options", "Loads")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """Something that is installed, and what it turned out to be."""

    name: str
    distribution: str
    #: a file has none
    version: str | None
    #: ``module:Class``
    entry_point: str
    hooks: tuple[str, ...] = ()
    #: its own, without those that all have
    options: tuple[str, ...] = ()
    loads: bool = True
    error: str | None = None

    @property
    def source(self) -> str:
        return self.distribution if self.version is None else f"{self.distribution} {self.version}"

    @property
    def state(self) -> str:
        return "yes" if self.loads else "no"


@click.command("list", short_help="List what is installed.")
@debug
@as_json
@plugins_dir
def list_(as_json: bool, plugins_dir: Path | None) -> None:
    """List the plugins that are installed, their hooks and options, and the backends: queues, channels, normalizers.

    Each of them is loaded. What does not load is shown with the reason. The options that all plugins have (`timeout`,
    `timeouts`, `breaker`, `roles`, `use`) and all channels (`channel`, `normalizer`, `rate_limit`) are not repeated.

    JSON: `{"plugins": [{"name", "distribution", "version", "entry_point", "hooks", "options", "loads", "error"}],
    "backends": [the same, with "kind": "queue", "channel" or "normalizer", and without "hooks"]}`.
    """
    registry = Registry(plugins_dir)
    with progress("Loading plugins"):
        found = [_plugin(offer, registry) for offer in registry.plugins()]
        backends = [_backend(offer, registry) for offer in registry.backends()]
    if as_json:
        print_json({"plugins": [asdict(one) for one in found], "backends": [_backend_row(one) for one in backends]})
        return
    _print(_COLUMNS, [(one.name, one.source, _some(one.hooks), _some(one.options), one.state) for one in found])
    click.echo()
    _print(_BACKEND_COLUMNS, [(one.name, one.source, _some(one.options), one.state) for one in backends])
    for error in dict.fromkeys(one.error for one in [*found, *backends] if one.error):
        click.echo(shown(error, limit=None), err=True)


def _print(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    if is_terminal():
        print_table(columns, rows, whole=[columns[0]])
    else:
        print_plain(columns, rows)


def _some(names: Sequence[str]) -> str:
    return ", ".join(names) or "-"


# ------------------------------------------------------------------ one of them


def _plugin(offer: Offer, registry: Registry) -> _Found:
    def look() -> dict[str, Any]:
        cls = registry.plugin(offer.name).cls
        return {"hooks": hooks_of(cls), "options": own_names(cls.Options, Options)}

    return _found(offer, look)


def _backend(offer: Offer, registry: Registry) -> _Found:
    kind, _, name = offer.name.partition(".")

    def look() -> dict[str, Any]:
        if kind == "channel":
            return {"options": own_names(registry.channel(name).Options, ChannelOptions)}
        if kind == "normalizer":
            return {"options": own_names(registry.normalizer(name).Options, NormalizerOptions)}
        registry.queue(name)
        return {}

    return _found(offer, look)


def _found(offer: Offer, look: Callable[[], dict[str, Any]]) -> _Found:
    named = _Found(name=offer.name, distribution=offer.distribution, version=offer.version, entry_point=offer.value)
    try:
        return replace(named, **look())
    except PluginError as error:
        return replace(named, loads=False, error=" ".join(str(error).split()))


def _backend_row(found: _Found) -> dict[str, Any]:
    row = asdict(found)
    kind, _, name = found.name.partition(".")
    del row["hooks"]
    return {"kind": kind, **row, "name": name}
