"""``auzap run``."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import anyio
import click

from auzap.cli.options import common
from auzap.config import Config, load
from auzap.logs import configure
from auzap.worker.ending import end_after
from auzap.worker.serve import serve

__all__ = ["run"]

#: seconds
_CLOSE = 3.0


@click.command()
@common
@click.option("--drain", is_flag=True, help="Stop when nothing is waiting, delayed or leased by anybody.")
@click.option("--show-phones", is_flag=True, help="Write phone numbers to the log unmasked.")
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    default="info",
    show_default=True,
    help="The least that is logged.",
)
@click.option("--json/--no-json", "as_json", default=None, help="Log as JSON (the default where there is no terminal).")
def run(path: Path, drain: bool, show_phones: bool, log_level: str, as_json: bool | None) -> None:
    """Answer messages until told to stop (Ctrl-C, SIGTERM).

    What is in hand is finished within `worker.drain`; the rest is given back with no attempt used.
    """
    configure(json=as_json, level=log_level, show_phones=show_phones)
    config = load(path, tolerant=True)
    with ExitStack() as ended:
        anyio.run(_serve, config, drain, ended)


async def _serve(config: Config, drain: bool, ended: ExitStack) -> None:
    await serve(config, until_empty=drain)
    # what plugins started by themselves, and do not end, must not keep the event loop from closing
    ended.callback(end_after(_CLOSE, lambda: None, list).cancel)
