"""``auzap send``."""

from __future__ import annotations

import json
import sys
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import click

from auzap.cli.options import as_json, common, complete_tenant, plugins_dir
from auzap.cli.output import print_json
from auzap.cli.params import DURATION, PHONE
from auzap.cli.picks import pick_instance, pick_tenant
from auzap.cli.progress import progress
from auzap.config import Config, load
from auzap.config.models import TenantConfig
from auzap.config.nodes import shown
from auzap.contract.queue import Queue
from auzap.logs import configure
from auzap.model.errors import QueueUnavailable
from auzap.model.keys import new_id
from auzap.model.message import MAX_TEXT
from auzap.model.phones import dialled, phone_key, typed_digits
from auzap.pipeline.accept import outbound
from auzap.registry import Registry
from auzap.services.addressee import customer
from auzap.storage import open_store
from auzap.storage.store import DueReply, Outgoing, Store, StoredReply
from auzap.storage.texts import storable
from auzap.worker.resources import open_queue, prepare_database

__all__ = ["send"]

#: seconds between two looks at what became of it
_LOOK = 0.05
_OPEN = ("pending", "sending")
#: names what ``--key`` makes ids of
_KEYS = uuid.UUID("6f1d0a52-5b0e-5c1e-9d0a-0c7a5f2b7e11")


@dataclass(frozen=True, slots=True)
class _Asked:
    tenant: TenantConfig
    instance: str
    #: digits
    phone: str
    text: str
    key: str | None
    #: seconds
    wait: float


@dataclass(frozen=True, slots=True)
class _Told:
    """What became of it.

    :param taken: whether a worker has anything in hand.
    """

    reply: StoredReply
    provider_id: str | None
    taken: bool


@click.command(short_help="Send a message to a customer.")
@common
@as_json
@plugins_dir
@click.option(
    "--tenant",
    "tenant_id",
    metavar="ID",
    shell_complete=complete_tenant,
    help="Whose customer; may be left out where there is one tenant.",
)
@click.option("--instance", "instance_id", metavar="ID", help="From which number; may be left out where there is one.")
@click.option("--to", "phone", type=PHONE, required=True, help="Whom: a phone number.")
@click.option("--key", help="Send once for this key and number, however often the command is repeated.")
@click.option("--wait", type=DURATION, default="5s", show_default=True, help="How long to wait for the sending.")
@click.argument("text")
def send(
    path: Path,
    as_json: bool,
    plugins_dir: Path | None,
    tenant_id: str | None,
    instance_id: str | None,
    phone: str,
    key: str | None,
    wait: float,
    text: str,
) -> int:
    """Send TEXT (`-`: what stands on standard input) to a customer.

    It is stored in the outbox and among the customer's messages, takes its place in the chat behind what is being
    answered there, and is sent by `auzap run`, at once or when that is started. Exit code 1 if it was refused.
    """
    configure(level="warning")
    config = load(path, tolerant=True)
    tenant = pick_tenant(config, tenant_id)
    asked = _Asked(tenant, pick_instance(tenant, instance_id), phone, _text(text), key, wait)
    told = anyio.run(_send, config, Registry(plugins_dir), asked)
    if as_json:
        print_json(_row(told))
    else:
        click.echo(shown(_line(told), limit=None))
    return 0 if told.reply.state in (*_OPEN, "sent") else 1


def _text(given: str) -> str:
    """:raises UsageError: it cannot be sent."""
    if given == "-":
        try:
            given = sys.stdin.buffer.read().decode("utf-8-sig").rstrip("\r\n")
        except UnicodeDecodeError as error:
            raise click.UsageError(f"standard input is not UTF-8 at byte {error.start + 1}") from None
    if not given.strip():
        raise click.UsageError("there is no text to send")
    if len(given) > MAX_TEXT:
        raise click.UsageError(f"the text has {len(given)} characters; WhatsApp takes {MAX_TEXT}")
    return given


# ------------------------------------------------------------------ on its way


async def _send(config: Config, registry: Registry, asked: _Asked) -> _Told:
    await anyio.to_thread.run_sync(prepare_database, config, registry)
    async with open_queue(config, registry) as queue, open_store(config.database.dsn, config.base) as store:
        reply = await store.put_outgoing(await _outgoing(store, asked))
        if reply.text != storable(asked.text):
            raise click.ClickException(f"the key {asked.key!r} was used for another text to this number")
        if reply.state in _OPEN:
            await _put(queue, store, asked, reply)
            with progress("Waiting for a worker to send it"):
                reply = await _settled(store, reply, asked.wait)
        taken = reply.state in _OPEN and (await queue.stats()).leased > 0
        return _Told(reply, await _provider_id(store, reply), taken)


async def _outgoing(store: Store, asked: _Asked) -> Outgoing:
    digits = dialled(asked.phone)
    return Outgoing(
        id=_id(asked),
        organization_id=asked.tenant.id,
        instance_id=asked.instance,
        chat_id=f"{digits}@s.whatsapp.net",
        text=asked.text,
        person=await customer(store, asked.tenant.id, digits, owners=_owners(asked.tenant)),
    )


def _id(asked: _Asked) -> str:
    if asked.key is None:
        return new_id()
    named = json.dumps([asked.tenant.id, asked.instance, phone_key(asked.phone), asked.key])
    return str(uuid.uuid5(_KEYS, named))


def _owners(tenant: TenantConfig) -> list[str]:
    """Those of the YAML: they have no rows before the tenant ran."""
    return [digits for owner in tenant.owners if (digits := typed_digits(owner))]


async def _put(queue: Queue, store: Store, asked: _Asked, reply: StoredReply) -> None:
    """Into its lane. Were this process to die before, a worker would find the row, which is due, and do it."""
    due = DueReply(reply.id, reply.organization_id, reply.instance_id, reply.chat_id)
    try:
        await queue.put([outbound(due, asked.tenant.instances[asked.instance].channel)])
    except QueueUnavailable:
        return
    await store.note_queued([reply.id])


async def _settled(store: Store, reply: StoredReply, wait: float) -> StoredReply:
    """The row when it is sent or given up, or as it is when the time is over."""
    until = time.monotonic() + wait
    while True:
        reply = await store.outbound(reply.id) or reply
        if reply.state not in _OPEN or time.monotonic() >= until:
            return reply
        await anyio.sleep(_LOOK)


async def _provider_id(store: Store, reply: StoredReply) -> str | None:
    from auzap.tables import OutboxRow  # here, because SQLModel takes half a second to import

    async with store.tenant(reply.organization_id).read() as session:
        row = await session.get(OutboxRow, reply.id)
    return row.provider_id if row is not None else None


# ------------------------------------------------------------------ what is told


def _line(told: _Told) -> str:
    reply = told.reply
    match reply.state:
        case "sent":
            return f"sent: {told.provider_id or reply.id}"
        case "failed" | "cancelled":
            return f"{'refused' if reply.state == 'failed' else 'not sent'}: {reply.reason or reply.state}"
    if reply.reason is not None:
        return f"pending, to be tried again: {reply.reason}"
    return "pending: a worker has it in hand" if told.taken else "pending: `auzap run` sends it; none has taken it yet"


def _row(told: _Told) -> dict[str, Any]:
    reply = told.reply
    return {
        "id": reply.id,
        "state": reply.state,
        "to": reply.chat_id,
        "provider_id": told.provider_id,
        "attempts": reply.attempts,
        "reason": reply.reason,
    }
