"""Runs a console channel in a process of its own, on whatever its standard input and output are.

``python -m tests.support.terminal demo '{"pause": "10ms"}' [--silent] [--twice] [--own-terminal] [--background]``:
every message is answered at once (or not, ``--silent``) and written to standard error as a JSON line. SIGINT and
SIGTERM end it.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import signal
import sys
import termios
from typing import Any

import anyio

from auzap.channels.console import Console, Demo
from auzap.contract.channel import Accept
from auzap.model.reply import Delivery

_KINDS: dict[str, type[Console]] = {"console": Console, "demo": Demo}


def _acceptor(channel: Console, *, silent: bool) -> Accept:
    async def accept(posted: Any) -> None:
        print(json.dumps(posted), file=sys.stderr, flush=True)
        for arrival in channel.receive(posted):
            message = channel.normalize(arrival.payload)
            if not silent:
                text = f"você disse: {message.text}"
                await channel.send(
                    Delivery(
                        organization_id="abc123", instance_id="main", to=message.chat_id, text=text, key=arrival.chat_id
                    )
                )

    return accept


async def _talk(channels: list[Console], *, silent: bool) -> None:
    async with anyio.create_task_group() as tasks:
        with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            print(f"ready\npid {os.getpid()}", file=sys.stderr, flush=True)
            for channel in channels:
                tasks.start_soon(channel.listen, _acceptor(channel, silent=silent))
            async for _ in signals:
                break
        tasks.cancel_scope.cancel()
    print("ended", file=sys.stderr, flush=True)


def _in_background(given: argparse.Namespace) -> None:
    """Run in a job that does not own the terminal; say whether the system stopped it."""
    child = os.fork()
    if child == 0:
        os.setpgid(0, 0)
        _run(given)
        os._exit(0)
    _, status = os.waitpid(child, os.WUNTRACED)
    print("stopped" if os.WIFSTOPPED(status) else f"exit {os.waitstatus_to_exitcode(status)}", file=sys.stderr)
    if os.WIFSTOPPED(status):
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def _run(given: argparse.Namespace) -> None:
    kind = _KINDS[given.channel]
    options = kind.Options.model_validate({"channel": given.channel, **json.loads(given.options)})
    names = ("main", "second") if given.twice else ("main",)
    anyio.run(lambda: _talk([kind("abc123", name, options) for name in names], silent=given.silent))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("channel", choices=_KINDS)
    parser.add_argument("options", nargs="?", default="{}")
    for flag in ("--silent", "--twice", "--own-terminal", "--background"):
        parser.add_argument(flag, action="store_true")
    given = parser.parse_args()
    if given.own_terminal:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    if given.background:
        _in_background(given)
    else:
        _run(given)


if __name__ == "__main__":
    main()
