"""What a plugin's author tests with: a bot that runs the real pipeline, the contract suite, conversations as data.

The names are looked up when first used: pytest imports this in every project of the environment.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from auzap.testing.bot import Bot, open_bot
    from auzap.testing.clock import Clock
    from auzap.testing.contract import assert_plugin_contract, contract_of
    from auzap.testing.gateway import Gateway
    from auzap.testing.marks import bot_of
    from auzap.testing.people import Person
    from auzap.testing.replies import Heard, PluginFailed, Replies
    from auzap.testing.server import Served, Server
    from auzap.testing.setup import Setup, Using, uses

__all__ = [
    "Bot",
    "Clock",
    "Gateway",
    "Heard",
    "Person",
    "PluginFailed",
    "Replies",
    "Served",
    "Server",
    "Setup",
    "Using",
    "assert_plugin_contract",
    "bot_of",
    "contract_of",
    "open_bot",
    "uses",
]

_HOMES = {
    "Bot": "bot",
    "Clock": "clock",
    "Gateway": "gateway",
    "Heard": "replies",
    "Person": "people",
    "PluginFailed": "replies",
    "Replies": "replies",
    "Served": "server",
    "Server": "server",
    "Setup": "setup",
    "Using": "setup",
    "assert_plugin_contract": "contract",
    "bot_of": "marks",
    "contract_of": "contract",
    "open_bot": "bot",
    "uses": "setup",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'auzap.testing' has no attribute {name!r}")
    return getattr(import_module(f"auzap.testing.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
