"""Options that several commands share, and what a shell completes behind them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from auzap.config import Config

__all__ = [
    "as_json",
    "common",
    "complete_dead_letter",
    "complete_plugin",
    "complete_tenant",
    "debug",
    "plugins_dir",
    "tenant_option",
]

F = TypeVar("F", bound=Callable[..., Any])

#: suggestions at the most
_MANY = 50

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
debug = click.option("--debug", is_flag=True, expose_value=False, help="Show where an error was raised.")
#: for commands that load plugins; they hand it to their ``Registry``
plugins_dir = click.option(
    "--plugins-dir",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    metavar="DIR",
    envvar="AUZAP_PLUGINS_DIR",
    show_envvar=True,
    help="A folder with more plugins: each NAME.py in it, or package NAME, is the plugin NAME.",
)


def common(function: F) -> F:
    """``--config`` and ``--debug``."""
    function = click.option(
        "--config",
        "-c",
        "path",
        type=click.Path(path_type=Path, readable=False),  # what cannot be read, reading it tells
        default="config.yaml",
        envvar="AUZAP_CONFIG",
        show_default=True,
        show_envvar=True,
        help="The configuration file.",
    )(function)
    return debug(function)


# ------------------------------------------------------------------ completion: never writes, never fails aloud


def complete_tenant(context: click.Context, _: click.Parameter, begun: str) -> list[str]:
    """The tenants of the configuration."""
    return _quietly(lambda: _beginning(_config(context).tenants, begun))


def complete_dead_letter(context: click.Context, _: click.Parameter, begun: str) -> list[str]:
    """Ids of dead letters, where they can be seen without opening the queue."""
    given = context.params.get("ids") or ()
    return _quietly(lambda: [one for one in _dead_letters(_config(context), begun) if one not in given])


def complete_plugin(context: click.Context, _: click.Parameter, begun: str) -> list[str]:
    """The plugins that are installed, and those of the folder."""
    folder = context.params.get("plugins_dir") or os.environ.get("AUZAP_PLUGINS_DIR")
    return _quietly(lambda: _beginning(_installed(Path(folder) if folder else None), begun))


def _quietly(find: Callable[[], list[str]]) -> list[str]:
    try:
        return find()
    except Exception:  # noqa: BLE001 - what it is, the command itself will tell; here it would spoil the line
        return []


def _beginning(names: Iterable[str], begun: str) -> list[str]:
    return [name for name in names if name.startswith(begun)][:_MANY]


def _config(context: click.Context) -> Config:
    from auzap.config import load

    # no environment variable and no default is applied to a line that is not whole yet
    path = context.params.get("path") or os.environ.get("AUZAP_CONFIG") or "config.yaml"
    return load(Path(path), tolerant=True)


def _dead_letters(config: Config, begun: str) -> list[str]:
    from auzap.contract.queue import Inspectable
    from auzap.registry import Registry

    backend = Registry().queue(config.queue.partition("://")[0])
    queue = backend.from_url(config.queue, config.base)
    return queue.dead_ids(begun, _MANY) if isinstance(queue, Inspectable) else []


def _installed(plugins_dir: Path | None) -> list[str]:
    from auzap.registry import Registry

    return sorted({offer.name for offer in Registry(plugins_dir).plugins()})


tenant_option = click.option("--tenant", help="Only this tenant's.", shell_complete=complete_tenant)
