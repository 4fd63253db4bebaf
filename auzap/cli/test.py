"""``auzap test``."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr
from pathlib import Path
from typing import Any

import anyio
import click

from auzap.cli.options import as_json, common, complete_tenant, plugins_dir
from auzap.cli.output import console, is_terminal, print_json
from auzap.cli.picks import pick_tenant
from auzap.config import load
from auzap.config.nodes import shown
from auzap.model.errors import AuzapError
from auzap.testing.conversations import Conversation, Played, find_files, read
from auzap.testing.conversations.stage import Stage
from auzap.testing.found import own_plugins

__all__ = ["test"]


@click.command(short_help="Play conversations that are written down, and compare what the bot says.")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path, exists=True), metavar="[PATH]...")
@common
@plugins_dir
@as_json
@click.option("--tenant", "tenant_id", metavar="ID", shell_complete=complete_tenant, help="Whose plugins.")
@click.option("--log", is_flag=True, help="Show the log of each conversation, on standard error.")
def test(
    paths: tuple[Path, ...], path: Path, plugins_dir: Path | None, as_json: bool, tenant_id: str | None, log: bool
) -> int:
    """Play conversations that are written down, and compare what the bot says.

    PATH is a file, or a folder with files *.conversa.yaml or *.conversation.yaml; by default this folder. The real
    pipeline answers, on a queue and a database that are thrown away; nothing leaves the machine but what plugins send
    themselves, and no time passes while a conversation waits.

    The plugins are those that a file names; else those of the configuration's tenant, where there is one; else those
    of the package in this folder. Exit code 1 if the bot said something else, or a file cannot be read.

    JSON: `{"ok", "conversations": [{"file", "name", "ok", "seconds", "line", "expected", "said", "why"}], "mistakes":
    [line]}`.
    """
    mistakes: list[str] = []
    conversations = _read(find_files(paths or [Path()]), mistakes)
    if not conversations and not mistakes:
        raise click.UsageError("there is no conversation here: a file is called name.conversa.yaml")
    stage = _stage(path, tenant_id, plugins_dir)
    with _log(log):
        played = list(_played(conversations, stage, mistakes))
    ok = not mistakes and all(one.difference is None for one in played)
    if as_json:
        print_json({"ok": ok, "conversations": [_row(one) for one in played], "mistakes": mistakes})
    else:
        _tell(played, mistakes)
    return 0 if ok else 1


def _read(files: Sequence[Path], mistakes: list[str]) -> list[Conversation]:
    found: list[Conversation] = []
    for file in files:
        try:
            found += read(file)
        except AuzapError as error:
            mistakes += str(error).splitlines()
    return found


def _stage(path: Path, tenant_id: str | None, plugins_dir: Path | None) -> Stage:
    """:raises ConfigError: the configuration is wrong; where none was asked for, there need not be one."""
    context = click.get_current_context()
    source = context.get_parameter_source("path")
    is_asked = tenant_id is not None or source is not click.core.ParameterSource.DEFAULT
    tenant = pick_tenant(load(path, tolerant=True), tenant_id) if is_asked or path.exists() else None
    return Stage(tenant=tenant, plugins=own_plugins(Path.cwd()), plugins_dir=plugins_dir)


def _played(conversations: Sequence[Conversation], stage: Stage, mistakes: list[str]) -> Iterator[Played]:
    async def play(one: Conversation) -> Played:
        return await stage.play(one)

    for one in conversations:
        try:
            yield anyio.run(play, one)
        except AuzapError as error:
            mistakes += [line for line in str(error).splitlines() if line not in mistakes]


@contextmanager
def _log(wanted: bool) -> Iterator[None]:
    if wanted:
        yield
        return
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, redirect_stderr(nowhere):
        yield


# ------------------------------------------------------------------ what is said of it


def _tell(played: Sequence[Played], mistakes: Sequence[str]) -> None:
    show = _painter()
    for one in played:
        place = f"{one.conversation.file}: {one.conversation.name}"
        if one.difference is None:
            show("ok    ", "green", shown(place, limit=None))
            continue
        show("FAILED", "bold red", shown(place, limit=None))
        for line in one.difference.lines():
            show("      ", "", shown(line, limit=None))
    for line in mistakes:
        click.echo(shown(line, limit=None), err=True)
    failed = sum(one.difference is not None for one in played)
    show("", "", f"{_counted(len(played), 'conversation')}, {failed} failed")


def _painter() -> Any:
    if not is_terminal():
        return lambda head, _, text: click.echo(f"{head} {text}".strip() if not head.isspace() else f"{head} {text}")
    from rich.text import Text

    out = console(sys.stdout)

    def paint(head: str, style: str, text: str) -> None:
        out.print(Text.assemble((head, style), " " if head else "", text), soft_wrap=True)

    return paint


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _row(played: Played) -> dict[str, Any]:
    difference = played.difference
    return {
        "file": str(played.conversation.file),
        "name": played.conversation.name,
        "ok": difference is None,
        "seconds": round(played.seconds, 6),
        "line": difference.mark.line if difference is not None else None,
        "expected": difference.expected if difference is not None else None,
        "said": difference.said if difference is not None else None,
        "why": difference.why if difference is not None else None,
    }
