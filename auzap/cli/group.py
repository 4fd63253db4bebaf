"""The top of the command line: finds commands without importing them, and turns errors into one line."""

from __future__ import annotations

import sys
from importlib import import_module

import click

from auzap.model.errors import AuzapError, ConfigError

__all__ = ["cli", "main"]

#: command -> (where it is, what it does, as `auzap --help` says it)
_COMMANDS = {
    "run": ("auzap.cli.run:run", "Answer messages until told to stop."),
    "check": ("auzap.cli.check:check", "Look for mistakes in the configuration and the plugins."),
    "enqueue": ("auzap.cli.enqueue:enqueue", "Put jobs into the queue, a JSON object a line."),
    "queue": ("auzap.cli.queue:queue", "Look at the queue."),
    "dead": ("auzap.cli.dead:dead", "Look at dead letters and try them again."),
    "db": ("auzap.cli.db:db", "Look after the database's schema."),
}


class _Commands(click.Group):
    """A group whose commands are imported when they are called for: ``--help`` stays fast."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module, _, name = _COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in _COMMANDS.items()])


@click.group(cls=_Commands)
@click.version_option(package_name="auzap")
def cli() -> None:
    """A plugin-based bot framework for businesses that talk to their customers on WhatsApp."""


def main() -> None:
    """Run the command line.

    Exit codes: 0 fine, 1 no, 2 wrong use or wrong configuration; ``run`` also 70, a plugin blocked the loop.
    """
    try:
        code = cli.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        sys.exit(1)
    except AuzapError as error:
        if "--debug" in sys.argv:
            raise
        for line in str(error).splitlines():
            click.echo(f"auzap: {line}", err=True)
        sys.exit(2 if isinstance(error, ConfigError) else 1)
    sys.exit(code if isinstance(code, int) else 0)
