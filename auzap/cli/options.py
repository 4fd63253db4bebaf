"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

__all__ = ["as_json", "common"]

F = TypeVar("F", bound=Callable[..., Any])

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def common(function: F) -> F:
    """``--config`` and ``--debug``."""
    function = click.option(
        "--config",
        "-c",
        "path",
        type=click.Path(path_type=Path),
        default="config.yaml",
        envvar="AUZAP_CONFIG",
        show_default=True,
        show_envvar=True,
        help="The configuration file.",
    )(function)
    return click.option("--debug", is_flag=True, expose_value=False, help="Show where an error was raised.")(function)
