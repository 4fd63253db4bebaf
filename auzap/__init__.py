"""auzap: a plugin-based bot framework for businesses that talk to their customers on WhatsApp.

The names for plugin authors. They are looked up when first used, so that ``import auzap`` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from auzap.contract.hookspecs import hookimpl, hookspec
    from auzap.contract.options import Breaker, Duration, Options
    from auzap.contract.plugin import Plugin, TenantInfo
    from auzap.contract.schedules import daily, every
    from auzap.contract.services import Clock, Outbox, OwnHooks, Services
    from auzap.model.errors import HookFailed, OutboxFull, Refused, Unreachable
    from auzap.model.event import Event
    from auzap.model.message import Message
    from auzap.model.people import Sender
    from auzap.model.reply import Delivery, Interaction, Outcome, Receipt, Reply
    from auzap.model.turn import Chat, State, TenantStore, Turn

__all__ = [
    "Breaker",
    "Chat",
    "Clock",
    "Delivery",
    "Duration",
    "Event",
    "HookFailed",
    "Interaction",
    "Message",
    "Options",
    "Outbox",
    "OutboxFull",
    "Outcome",
    "OwnHooks",
    "Plugin",
    "Receipt",
    "Refused",
    "Reply",
    "Sender",
    "Services",
    "State",
    "TenantInfo",
    "TenantStore",
    "Turn",
    "Unreachable",
    "daily",
    "every",
    "hookimpl",
    "hookspec",
]

_HOMES = {
    "Breaker": "auzap.contract.options",
    "Chat": "auzap.model.turn",
    "Clock": "auzap.contract.services",
    "Delivery": "auzap.model.reply",
    "Duration": "auzap.contract.options",
    "Event": "auzap.model.event",
    "HookFailed": "auzap.model.errors",
    "Interaction": "auzap.model.reply",
    "Message": "auzap.model.message",
    "Options": "auzap.contract.options",
    "Outbox": "auzap.contract.services",
    "OutboxFull": "auzap.model.errors",
    "Outcome": "auzap.model.reply",
    "OwnHooks": "auzap.contract.services",
    "Plugin": "auzap.contract.plugin",
    "Receipt": "auzap.model.reply",
    "Refused": "auzap.model.errors",
    "Reply": "auzap.model.reply",
    "Sender": "auzap.model.people",
    "Services": "auzap.contract.services",
    "State": "auzap.model.turn",
    "TenantInfo": "auzap.contract.plugin",
    "TenantStore": "auzap.model.turn",
    "Turn": "auzap.model.turn",
    "Unreachable": "auzap.model.errors",
    "daily": "auzap.contract.schedules",
    "every": "auzap.contract.schedules",
    "hookimpl": "auzap.contract.hookspecs",
    "hookspec": "auzap.contract.hookspecs",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'auzap' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
