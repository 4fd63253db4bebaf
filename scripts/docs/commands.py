"""The command reference, from the commands themselves."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from auzap.cli.group import COMMANDS, cli
from scripts.docs.examples import COMMANDS as EXAMPLES
from scripts.docs.examples import JSON

__all__ = ["command_pages", "commands"]


def commands() -> str:
    """The page: what is written in ``commands.md`` beside this file, and a section a command."""
    parts = [Path(__file__).with_suffix(".md").read_text(encoding="utf-8")]
    for name, command in command_pages():
        parts.append(_section(name, command, EXAMPLES.get(name, "")))
    return "\n".join(parts)


def command_pages() -> Iterator[tuple[str, click.Command]]:
    """Every command that does something, as it is typed behind ``auzap``."""
    context = click.Context(cli, info_name="auzap")
    for name in COMMANDS:
        command = cli.get_command(context, name)
        assert command is not None  # noqa: S101 - it was named just now
        if isinstance(command, click.Group):
            for inner in sorted(command.list_commands(context)):
                found = command.get_command(context, inner)
                assert found is not None  # noqa: S101
                yield f"{name} {inner}", found
        else:
            yield name, command


def _section(name: str, command: click.Command, example: str) -> str:
    context = click.Context(command, info_name=f"auzap {name}")
    usage = " ".join(command.collect_usage_pieces(context))
    parts = [
        f"## {name}\n",
        f"`auzap {name} {usage}`\n",
        f"{_told(command)}\n",
        *_json(name, command),
        *_options(command, context),
    ]
    if example:
        parts.append(f"```console\n$ {example}\n```\n")
    return "\n".join(parts)


def _told(command: click.Command) -> str:
    """Its help. A line that Markdown would take for a heading is something to be copied."""
    lines = inspect.cleandoc(command.help or "").replace("\b\n", "").splitlines()
    return "\n".join(f"`{line}`" if line.startswith("#") else line for line in lines)


def _json(name: str, command: click.Command) -> Iterator[str]:
    if name in JSON and "JSON:" not in (command.help or ""):
        yield f"JSON: {JSON[name]}.\n"


def _options(command: click.Command, context: click.Context) -> Iterator[str]:
    """The table, if there is anything in it."""
    rows = [
        f"| {_names(option, context)} | {_default(option)} | {_help(option)} |"
        for option in command.params
        if isinstance(option, click.Option) and not option.hidden and option.name != "debug"
    ]
    if rows:
        yield "\n".join(["| option | default | |", "| --- | --- | --- |", *rows, ""])


def _names(option: click.Option, context: click.Context) -> str:
    value = "" if option.is_flag or option.count else f" {option.make_metavar(context)}"
    names = [*sorted(option.opts, key=len), *option.secondary_opts]
    return ", ".join(_code(f"{name}{value if name == names[-1] else ''}") for name in names)


def _code(text: str) -> str:
    """For a cell of a table, where a bar would begin the next one, and a backslash before it is shown."""
    return f"<code>{text.replace('|', '&#124;')}</code>" if "|" in text else f"`{text}`"


def _default(option: click.Option) -> str:
    shown: Any = option.to_info_dict().get("default")
    if isinstance(shown, (bool, type(None))) or callable(shown) or not str(shown) or "Sentinel" in str(shown):
        return f"`${option.envvar}`" if isinstance(option.envvar, str) else ""
    variable = f" or `${option.envvar}`" if isinstance(option.envvar, str) else ""
    return f"`{shown}`{variable}"


def _help(option: click.Option) -> str:
    return (option.help or "").replace("|", "\\|")
