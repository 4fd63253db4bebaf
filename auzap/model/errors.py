"""Everything that auzap raises on purpose. The message of each is one line, fit for a log or a terminal."""

from __future__ import annotations

__all__ = [
    "AuzapError",
    "BadPayload",
    "ConfigError",
    "HookFailed",
    "LeaseLost",
    "PluginError",
    "QueueUnavailable",
    "Refused",
    "StoreUnavailable",
    "Unavailable",
    "Unreachable",
]


class AuzapError(Exception):
    """The base of all errors that auzap raises on purpose."""


class ConfigError(AuzapError):
    """The configuration is wrong: the message names file, line, column, key and what would be right."""


class PluginError(AuzapError):
    """A plugin cannot be loaded or registered: the message names plugin, distribution, file and line."""


class BadPayload(AuzapError):
    """What arrived is no message: no object, no key, not the channel's form."""


class Unavailable(AuzapError):
    """A server or file that everything needs is away. It uses no attempt; waiting mends it."""


class StoreUnavailable(Unavailable):
    """The database cannot be reached, is locked for too long, or cannot write."""


class QueueUnavailable(Unavailable):
    """The queue cannot be reached, is locked for too long, or cannot write."""


class LeaseLost(AuzapError):
    """Another worker holds the lane, or may: nothing that is decided here may be stored."""


class HookFailed(AuzapError):
    """A plugin raised, hit its deadline or returned the wrong thing.

    ``__cause__`` is what the plugin raised, if it raised.
    """

    def __init__(self, plugin: str, hook: str, reason: str) -> None:
        super().__init__(f"plugin {plugin}: {hook}: {reason}")
        self.plugin = plugin
        self.hook = hook
        self.reason = reason


class Unreachable(AuzapError):
    """The channel took nothing: connection refused, no such host, 401, 403, 503, not connected."""


class Refused(AuzapError):
    """The channel answered no, or its answer was lost.

    :param final: the same send would be refused again (400, 404, a provider's code); otherwise it is worth
        another attempt with the same idempotency key.
    """

    def __init__(self, reason: str, *, final: bool) -> None:
        super().__init__(reason)
        self.final = final
