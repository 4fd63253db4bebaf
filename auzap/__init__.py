"""auzap: a plugin-based bot framework for businesses that talk to their customers on WhatsApp.

The names for plugin authors. They are looked up when first used, so that ``import auzap`` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from auzap.contract.hookspecs import hookimpl
    from auzap.contract.options import Duration, Options
    from auzap.contract.plugin import Plugin, TenantInfo
    from auzap.model.errors import Refused, Unreachable
    from auzap.model.event import Event
    from auzap.model.message import Message
    from auzap.model.people import Sender
    from auzap.model.reply import Delivery, Interaction, Outcome, Receipt, Reply
    from auzap.model.turn import TenantStore, Turn

__all__ = [
    "Delivery",
    "Duration",
    "Event",
    "Interaction",
    "Message",
    "Options",
    "Outcome",
    "Plugin",
    "Receipt",
    "Refused",
    "Reply",
    "Sender",
    "TenantInfo",
    "TenantStore",
    "Turn",
    "Unreachable",
    "hookimpl",
]

_HOMES = {
    "Delivery": "auzap.model.reply",
    "Duration": "auzap.contract.options",
    "Event": "auzap.model.event",
    "Interaction": "auzap.model.reply",
    "Message": "auzap.model.message",
    "Options": "auzap.contract.options",
    "Outcome": "auzap.model.reply",
    "Plugin": "auzap.contract.plugin",
    "Receipt": "auzap.model.reply",
    "Refused": "auzap.model.errors",
    "Reply": "auzap.model.reply",
    "Sender": "auzap.model.people",
    "TenantInfo": "auzap.contract.plugin",
    "TenantStore": "auzap.model.turn",
    "Turn": "auzap.model.turn",
    "Unreachable": "auzap.model.errors",
    "hookimpl": "auzap.contract.hookspecs",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'auzap' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
