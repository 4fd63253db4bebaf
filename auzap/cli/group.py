"""The top of the command line: finds commands without importing them, and turns errors into one line.

Plugins bring commands of their own, as entry points in the group ``auzap.commands``: a name and a ``click.Command``.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import NoReturn

import click
from click.shell_completion import CompletionItem

from auzap.model.errors import AuzapError, ConfigError, PluginError
from auzap.registry import Offer, Registry

__all__ = ["COMMANDS", "cli", "main", "refused_commands", "taken"]

#: command -> (where it is, what it does, as `auzap --help` says it)
COMMANDS = {
    "init": ("auzap.cli.init:init", "Write a first configuration."),
    "chat": ("auzap.cli.chat:chat", "Talk to the bot in the terminal, as a customer or as the owner."),
    "run": ("auzap.cli.run:run", "Answer messages until told to stop."),
    "test": ("auzap.cli.test:test", "Play written conversations, and compare what the bot says."),
    "reload": ("auzap.cli.reload:reload", "Have running processes read the configuration again."),
    "check": ("auzap.cli.check:check", "Look for mistakes in the configuration and the plugins."),
    "enqueue": ("auzap.cli.enqueue:enqueue", "Put jobs into the queue, a JSON object a line."),
    "normalize": ("auzap.cli.normalize:normalize", "Show what the bot understands of payloads, a JSON object a line."),
    "queue": ("auzap.cli.queue:queue", "Look at the queue."),
    "dead": ("auzap.cli.dead:dead", "Look at dead letters, try them again, delete them."),
    "trace": ("auzap.cli.trace:trace", "Show who was asked about a message, and who answered."),
    "send": ("auzap.cli.send:send", "Send a message to a customer."),
    "db": ("auzap.cli.db:db", "Look after the database's schema."),
    "plugins": ("auzap.cli.plugins:plugins", "Look at the plugins that are installed, and begin one."),
    "config": ("auzap.cli.config:config", "Help with writing the configuration."),
    "completion": ("auzap.cli.completion:completion", "Print the script for a shell's completion."),
}


class _Commands(click.Group):
    """A group whose commands are imported when they are called for: ``--help`` stays fast."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*COMMANDS, *(name for name, _ in _of_plugins())]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return _command_of_plugin(cmd_name)
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem[str]]:
        """As click does it, but without importing the commands."""
        known = [*((name, text) for name, (_, text) in COMMANDS.items()), *_of_plugins()]
        found = [CompletionItem(name, help=text) for name, text in known if name.startswith(incomplete)]
        return found + click.Command.shell_complete(self, ctx, incomplete)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])
        if rows := list(_of_plugins()):
            with formatter.section("Commands of plugins"):
                formatter.write_dl(rows)
        for offer in refused_commands(Registry()):
            formatter.write_paragraph()
            formatter.write_text(taken(offer))


# ------------------------------------------------------------------ of plugins


def _of_plugins() -> Iterator[tuple[str, str]]:
    """Their names, and where each comes from; nothing of them is imported."""
    from_where: dict[str, list[str]] = {}
    for offer in Registry().commands():
        if offer.name not in COMMANDS:
            from_where.setdefault(offer.name, []).append(offer.distribution)
    for name, distributions in from_where.items():
        yield name, f"Comes with {' and '.join(distributions)}."


def _command_of_plugin(name: str) -> click.Command | None:
    """None when there is none: click tells which there are.

    :raises PluginError: it will not load, or is no command; only whoever calls it is told.
    """
    registry = Registry()
    offers = [offer for offer in registry.commands() if offer.name == name]
    if not offers:
        return None
    command = registry.command(name)
    if not isinstance(command, click.Command):
        raise PluginError(f"command {name}: {offers[0]} is no click.Command; write @click.command() above a function")
    return command


def refused_commands(registry: Registry) -> list[Offer]:
    """Those of plugins that have the name of one of auzap's own."""
    return [offer for offer in registry.commands() if offer.name in COMMANDS]


def taken(offer: Offer) -> str:
    """Why a command of a plugin is refused."""
    return f"The command {offer.name} of {offer} is refused: auzap has one of this name."


@click.group(cls=_Commands)
@click.version_option(package_name="auzap")
def cli() -> None:
    """A plugin-based bot framework for businesses that talk to their customers on WhatsApp."""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line.

    Exit codes: 0 fine, 1 no, 2 wrong use or wrong configuration; ``run`` also 70, a plugin blocked the loop.

    :param arguments: by default the process's own.
    :raises SystemExit: always.
    """
    given = sys.argv[1:] if arguments is None else list(arguments)
    _open_streams()
    try:
        code = cli.main(given, prog_name="auzap", standalone_mode=False)
    except Exception as raised:  # noqa: BLE001 - whatever it is, it is told in one line
        error = _single(raised)
        is_unread = _give_up_output()
        if "--debug" in given and not isinstance(error, (click.ClickException, click.Abort)):
            traceback.print_exc()
        elif not (is_unread and isinstance(error, BrokenPipeError)):  # `| head` is no mistake
            _show(error)
        sys.exit(_code(error))
    sys.exit(code if isinstance(code, int) else 0)


def _open_streams() -> None:
    """Where one was closed (``>&-``): else the first file opened, a database, would take its place."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115 - till the end


def _give_up_output() -> bool:
    """Whether nobody takes what stands in it; Python would try again at its end, and complain."""
    try:
        sys.stdout.flush()
    except OSError:
        from auzap.logs.out import let_vanish  # it takes its time

        let_vanish(sys.stdout)
        return True
    return False


def _single(error: Exception) -> Exception:
    """Of the group that a task group makes of errors, the first."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error


def _show(error: Exception) -> None:
    if isinstance(error, click.UsageError) and "\n" in error.message:
        error.show()  # no arguments at all: the message is the help
        return
    for line in _told(error).splitlines():
        click.echo(f"auzap: {line}", err=True)


def _told(error: Exception) -> str:
    if isinstance(error, click.UsageError) and error.ctx is not None:
        return f"{error.format_message().rstrip('.')}; see {error.ctx.command_path} --help"
    if isinstance(error, click.ClickException):
        return error.format_message()
    if isinstance(error, click.Abort):
        return "interrupted"
    if isinstance(error, AuzapError):
        return str(error)
    last = traceback.extract_tb(error.__traceback__)[-1]
    text = " ".join(f"{type(error).__name__}: {error}".split())
    return f"unexpected {text} ({Path(last.filename).name}:{last.lineno}); --debug shows more"


def _code(error: Exception) -> int:
    if isinstance(error, click.ClickException):
        return error.exit_code
    return 2 if isinstance(error, ConfigError) else 1
