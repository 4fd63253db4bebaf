"""``auzap run``."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path

import anyio
import click

from auzap.cli.options import common
from auzap.cli.processes import PROCESSES, supervise
from auzap.logs import configure

__all__ = ["run"]

#: seconds
_CLOSE = 3.0


@click.command()
@common
@click.option("--drain", is_flag=True, help="Stop when nothing is waiting, delayed or leased by anybody.")
@click.option(
    "--processes",
    type=PROCESSES,
    metavar="N",
    help="Work in so many processes, and start those again that die; auto: one for each CPU core.",
)
@click.option("--show-phones", is_flag=True, help="Write phone numbers to the log unmasked.")
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    default="info",
    show_default=True,
    help="The least that is logged.",
)
@click.option("--json/--no-json", "as_json", default=None, help="Log as JSON (the default where there is no terminal).")
@click.option(
    "--supervised",
    type=(int, int, bool),
    hidden=True,
    help="How a supervisor starts a process: its end of the pipe, its number, whether it is started again.",
)
def run(
    path: Path,
    drain: bool,
    processes: int | None,
    show_phones: bool,
    log_level: str,
    as_json: bool | None,
    supervised: tuple[int, int, bool] | None,
) -> int:
    """Answer messages until told to stop (Ctrl-C, SIGTERM).

    What is in hand is finished within `worker.drain`; the rest is given back with no attempt used.
    """
    number = supervised[1] if supervised is not None else None
    configure(json=as_json, level=log_level, show_phones=show_phones, process=number)
    if processes is not None and supervised is None:
        arguments = _arguments(path, drain, show_phones, log_level, as_json)
        return supervise(arguments, processes, until_empty=drain)
    with ExitStack() as ended:
        anyio.run(_serve, path, drain, supervised, ended)
    return 0


async def _serve(path: Path, drain: bool, supervised: tuple[int, int, bool] | None, ended: ExitStack) -> None:
    from auzap.config import load
    from auzap.worker.ending import end_after
    from auzap.worker.orders import Supervised
    from auzap.worker.serve import serve

    if supervised is None:
        await serve(load(path, tolerant=True), until_empty=drain)
    else:
        pipe, number, again = supervised
        orders = Supervised(pipe, listens=number == 1, tells=number == 1 and not again)
        async with anyio.create_task_group() as beside:
            await beside.start(orders.take, beside.cancel_scope.cancel)
            await serve(load(path, tolerant=True), until_empty=drain, orders=orders)
            beside.cancel_scope.cancel()
    # what plugins started by themselves, and do not end, must not keep the event loop from closing
    ended.callback(end_after(_CLOSE, lambda: None, list).cancel)


def _arguments(path: Path, drain: bool, show_phones: bool, log_level: str, as_json: bool | None) -> list[str]:
    """What was given, once more."""
    return [
        *("--config", str(path), "--log-level", log_level),
        *(["--drain"] if drain else []),
        *(["--show-phones"] if show_phones else []),
        *([] if as_json is None else ["--json" if as_json else "--no-json"]),
        *(["--debug"] if "--debug" in sys.argv else []),
    ]
