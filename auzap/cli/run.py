"""``auzap run``."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path

import anyio
import click

from auzap.cli.options import common, plugins_dir
from auzap.cli.processes import PROCESSES, supervise
from auzap.logs import configure

__all__ = ["run"]

#: seconds
_CLOSE = 3.0


@click.command()
@common
@plugins_dir
@click.option("--drain", is_flag=True, help="Stop when nothing is waiting, delayed or leased by anybody.")
@click.option(
    "--processes",
    type=PROCESSES,
    metavar="N",
    help="Work in so many processes, and start those again that die; auto: one for each CPU core.",
)
@click.option("--no-watch", is_flag=True, help="Do not look whether the configuration is saved; SIGHUP has it read.")
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
    plugins_dir: Path | None,
    drain: bool,
    processes: int | None,
    no_watch: bool,
    show_phones: bool,
    log_level: str,
    as_json: bool | None,
    supervised: tuple[int, int, bool] | None,
) -> int:
    """Answer messages until told to stop (Ctrl-C, SIGTERM).

    What is in hand is finished within `worker.drain`; the rest is given back with no attempt used. A configuration that
    is saved takes effect within two seconds, each tenant by itself; what is wrong with it changes nothing, and is told.
    """
    number = supervised[1] if supervised is not None else None
    configure(json=as_json, level=log_level, show_phones=show_phones, process=number)
    if processes is not None and supervised is None:
        arguments = _arguments(path, plugins_dir, drain, no_watch, show_phones, log_level, as_json)
        return supervise(arguments, processes, until_empty=drain)
    with ExitStack() as ended:
        anyio.run(_serve, path, plugins_dir, drain, not no_watch, supervised, ended)
    return 0


async def _serve(
    path: Path,
    plugins_dir: Path | None,
    drain: bool,
    watch: bool,
    supervised: tuple[int, int, bool] | None,
    ended: ExitStack,
) -> None:
    from auzap.config import Memory, Seen, load
    from auzap.registry import Registry
    from auzap.worker.ending import end_after
    from auzap.worker.orders import Orders, Supervised
    from auzap.worker.serve import Reloading, serve

    async def work(orders: Orders | None, number: int | None) -> None:
        seen, memory = Seen(), Memory()
        config = load(path, tolerant=True, seen=seen, memory=memory)
        reloading = Reloading(seen=seen, memory=memory, watch=watch, process=number)
        await serve(config, registry=registry, until_empty=drain, orders=orders, reloading=reloading)

    registry = Registry(plugins_dir)
    if supervised is None:
        await work(None, None)
    else:
        pipe, number, again = supervised
        orders = Supervised(pipe, listens=number == 1, tells=number == 1 and not again)
        async with anyio.create_task_group() as beside:
            await beside.start(orders.take, beside.cancel_scope.cancel)
            await work(orders, number)
            beside.cancel_scope.cancel()
    # what plugins started by themselves, and do not end, must not keep the event loop from closing
    ended.callback(end_after(_CLOSE, lambda: None, list).cancel)


def _arguments(
    path: Path,
    plugins_dir: Path | None,
    drain: bool,
    no_watch: bool,
    show_phones: bool,
    log_level: str,
    as_json: bool | None,
) -> list[str]:
    """What was given, once more."""
    return [
        *("--config", str(path), "--log-level", log_level),
        *(["--plugins-dir", str(plugins_dir)] if plugins_dir is not None else []),
        *(["--drain"] if drain else []),
        *(["--no-watch"] if no_watch else []),
        *(["--show-phones"] if show_phones else []),
        *([] if as_json is None else ["--json" if as_json else "--no-json"]),
        *(["--debug"] if "--debug" in sys.argv else []),
    ]
