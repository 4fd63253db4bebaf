"""What plugins send beside their answers."""

from __future__ import annotations

import json
import uuid
from collections.abc import Collection
from datetime import datetime
from time import monotonic

import anyio

from auzap.model.keys import new_id
from auzap.model.message import MAX_TEXT
from auzap.model.phones import dialled, phone_key, typed_digits
from auzap.model.turn import Chat
from auzap.services.addressee import customer, customer_in
from auzap.storage.store import Outgoing, Person, Store

__all__ = ["TenantOutbox"]

#: names the messages that plugins have given a key
_KEYS = uuid.UUID("6b0e5c1e-3d5f-4a4e-9d0c-6a2f0f3b9f10")
#: messages of a tenant's plugins that may wait to leave
_MOST = 1_000
#: messages that a plugin puts at once, and a second from then on: the other tenants' turns come first
_AT_ONCE, _RATE = 20, 50


class TenantOutbox:
    """One plugin's way out, for one tenant.

    :param instances: the tenant's connected numbers.
    """

    def __init__(
        self, store: Store, organization_id: str, plugin: str, version: str, instances: Collection[str]
    ) -> None:
        self._store = store
        self._organization_id = organization_id
        self._plugin = plugin
        self._version = version
        self._instances = instances
        #: when all that was put would have been put at the steady rate
        self._even = 0.0

    async def send(
        self,
        text: str,
        *,
        chat: Chat | None = None,
        phone: str | None = None,
        instance_id: str | None = None,
        not_before: datetime | None = None,
        key: str | None = None,
    ) -> str:
        _check(text, not_before)
        where, person = await self._whereto(chat, phone, instance_id)
        await self._pace()
        stored = await self._store.put_outgoing(
            Outgoing(
                id=self._id(key),
                organization_id=self._organization_id,
                instance_id=where.instance_id,
                chat_id=where.chat_id,
                text=text,
                person=person,
                to_chat=chat is not None,
                not_before=not_before,
                config_version=self._version,
                most=_MOST,
            )
        )
        return stored.id

    async def _pace(self) -> None:
        now = monotonic()
        self._even = max(self._even, now) + 1 / _RATE
        ahead = self._even - now - _AT_ONCE / _RATE
        if ahead <= 0:
            return
        try:
            await anyio.sleep(ahead)
        except BaseException:  # it sends nothing: those behind it need not wait for it
            self._even -= 1 / _RATE
            raise

    async def _whereto(
        self, chat: Chat | None, phone: str | None, instance_id: str | None
    ) -> tuple[Chat, Person | None]:
        if chat is not None:
            if phone is not None:
                raise ValueError("outbox.send: give chat or phone, not both")
            if instance_id not in (None, chat.instance_id):
                raise ValueError(f"outbox.send: the chat is at instance {chat.instance_id}, not at {instance_id}")
            if not chat.chat_id.strip():
                raise ValueError("outbox.send: the chat has no id")
            self._instance(chat.instance_id)
            return chat, await customer_in(self._store, self._organization_id, chat.chat_id)
        if phone is None:
            raise ValueError("outbox.send: give chat or phone")
        digits = typed_digits(phone)
        if digits is None or phone_key(digits) is None:
            raise ValueError(f"outbox.send: {phone!r} is no phone number; write it like +55 11 90000-0001")
        digits = dialled(digits)
        where = Chat(self._instance(instance_id), f"{digits}@s.whatsapp.net")
        return where, await customer(self._store, self._organization_id, digits)

    def _instance(self, instance_id: str | None) -> str:
        if instance_id is None and len(self._instances) == 1:
            return next(iter(self._instances))
        if instance_id is None or instance_id not in self._instances:
            have = ", ".join(self._instances) or "none"
            wrong = f"no instance {instance_id}" if instance_id is not None else "which instance?"
            raise ValueError(f"outbox.send: {wrong}; tenant {self._organization_id} has {have}")
        return instance_id

    def _id(self, key: str | None) -> str:
        if key is None:
            return new_id()
        return str(uuid.uuid5(_KEYS, json.dumps([self._organization_id, self._plugin, key])))


def _check(text: str, not_before: datetime | None) -> None:
    """:raises ValueError: it cannot be sent."""
    if not text.strip():
        raise ValueError("outbox.send: there is no text")
    if len(text) > MAX_TEXT:
        raise ValueError(f"outbox.send: the text has {len(text):,} characters; {MAX_TEXT:,} are the most")
    if not_before is not None and not_before.utcoffset() is None:
        raise ValueError(f"outbox.send: not_before has no time zone: {not_before.isoformat()}")
