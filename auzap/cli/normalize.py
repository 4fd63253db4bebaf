"""``auzap normalize``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, BinaryIO

import click

from auzap.cli.lines import NoJson, json_of, read_lines
from auzap.cli.options import as_json, common
from auzap.contract.channel import Channel
from auzap.logs.out import let_vanish
from auzap.model.errors import BadPayload, PluginError
from auzap.model.message import MAX_TEXT, Message
from auzap.registry import Registry

__all__ = ["normalize"]


@click.command()
@common
@as_json
@click.option("--channel", "name", default="baileys", show_default=True, help="The kind of connection it came from.")
@click.argument("file", type=click.File("rb"))
def normalize(path: Path, as_json: bool, name: str, file: BinaryIO) -> None:
    """Print what the bot understands of each message in FILE, or `-`.

    A line is a payload as the channel delivers it, or a whole job `{"organizationId", "instanceId", "message"}`. For
    each message comes one JSON object, in the same order; for a line that holds none, `{"error"}`. Blank lines are
    skipped. Exit code 0, whatever the lines hold. Reads no configuration, queue or database.
    """
    del path, as_json  # common to all commands; it reads none, and prints JSON anyway
    try:
        channel = Registry().channel(name)
    except PluginError as error:
        raise click.BadParameter(str(error), param_hint="'--channel'") from error
    try:
        for _, line in read_lines(file):
            for told in _told(channel, line):
                sys.stdout.write(f"{told}\n")
            sys.stdout.flush()  # whoever asks through a pipe hears the answer at once
    except BrokenPipeError:  # nobody reads on (`| head`)
        let_vanish(sys.stdout)


def _told(channel: type[Channel], line: bytes | None) -> list[str]:
    try:
        return [json.dumps(_shown(message), allow_nan=False) for message in _messages(channel, json_of(line))]
    except (NoJson, BadPayload) as error:
        why = str(error)
    except Exception as error:  # noqa: BLE001 - somebody's channel; a worker would bury the message and go on
        why = f"channel {channel.name} cannot read it: {type(error).__name__}: {error}"
    return [json.dumps({"error": why})]


def _messages(channel: type[Channel], posted: Any) -> list[Message]:
    """Of one payload or job: one message, or as many as were posted together."""
    if isinstance(posted, dict) and "organizationId" in posted:
        posted = posted.get("message")
    messages = [channel.normalize(arrival.payload) for arrival in channel.receive(posted)]
    if not messages:
        raise BadPayload("no message: it tells nothing")
    return messages


def _shown(message: Message) -> dict[str, Any]:
    return {
        "kind": message.kind,
        "event": message.event,
        "text": message.text[:MAX_TEXT] or None,
        "extras": message.extras,
        "chat_id": message.chat_id or None,
        "chat_kind": message.chat_kind,
        "contact_phone": message.contact_phone,
        "contact_lid": message.contact_lid,
        "from_me": message.from_me,
        "message_id": message.message_id,
        "timestamp": message.timestamp,
        "push_name": message.push_name,
        "quoted_id": message.quoted_id,
        "mentions": list(message.mentions),
        "forwarded": message.forwarded,
        "view_once": message.view_once,
        "dispatch": message.dispatch,
    }
