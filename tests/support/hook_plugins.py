"""Plugins, turns and messages for tests of hooks."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from auzap.contract.plugin import Plugin, TenantInfo
from auzap.hooks import Calls, Own, RegisteredPlugin, TenantHooks
from auzap.model.message import Message
from auzap.model.people import Sender
from auzap.model.reply import Delivery
from auzap.model.turn import State, Turn
from auzap.services import Kit

if TYPE_CHECKING:
    from sqlmodel.ext.asyncio.session import AsyncSession

__all__ = ["CHAT", "TENANT", "NoStore", "a_delivery", "a_message", "a_turn", "hooks_of", "instance_of"]

TENANT = TenantInfo("abc123", "Pet Shop Centro", "America/Sao_Paulo")
CHAT = "5511900000001@s.whatsapp.net"


class NoStore:
    """The store of plugins that read nothing."""

    def read(self) -> AbstractAsyncContextManager[AsyncSession]:
        return self._nothing()

    def transaction(self) -> AbstractAsyncContextManager[AsyncSession]:
        return self._nothing()

    @asynccontextmanager
    async def _nothing(self) -> AsyncIterator[AsyncSession]:
        raise AssertionError("this test has no database")
        yield


async def _never_once(name: str, fn: Callable[[AsyncSession], Awaitable[Any]]) -> Any:
    raise AssertionError("this test has no database")


def _no_state(plugin: str) -> State:
    raise AssertionError("this test has no database")


def instance_of(kind: type[Plugin], name: str | None = None, **options: Any) -> Plugin:
    """A plugin under the name of its class in small letters, unless told otherwise."""
    name = name or kind.__name__.lower()
    services = Kit(None).services(TENANT, name, version="v1", instances=["main"], hooks=Own(name))
    return kind(kind.Options(**options), name=name, tenant=TENANT, services=services)


def hooks_of(
    *plugins: Plugin | type[Plugin],
    timeout: float = 5.0,
    grace: float = 0.05,
    calls: Calls | None = None,
    tenant: str = TENANT.id,
    now: Callable[[], float] = time.time,
) -> TenantHooks:
    """A tenant with these plugins, in this order."""
    registered = [
        RegisteredPlugin(instance_of(one) if isinstance(one, type) else one, "auzap-tested") for one in plugins
    ]
    info = replace(TENANT, id=tenant)
    return TenantHooks(info, registered, timeout=timeout, grace=grace, calls=calls or Calls(), now=now)


def a_message(text: str = "oi") -> Message:
    return Message(
        kind="text",
        event="message",
        text=text,
        chat_id=CHAT,
        chat_kind="direct",
        message_id="3EB0",
        contact_phone="5511900000001",
    )


def a_turn(role: str = "client", text: str = "oi") -> Turn:
    return Turn(
        id="01900000-0000-7000-8000-000000000001",
        organization_id=TENANT.id,
        instance_id="main",
        messages=(a_message(text),),
        sender=Sender(role=role),
        attempt=1,
        contact_id=None,
        conversation_id=None,
        began_at=datetime.now(UTC),
        timezone=TENANT.timezone,
        config_version="v1",
        store=NoStore(),
        run_once=_never_once,
        states=_no_state,
    )


def a_delivery(text: str = "olá") -> Delivery:
    return Delivery(organization_id=TENANT.id, instance_id="main", to=CHAT, text=text, key="k1")
