"""Everything that auzap raises on purpose. The message of each is one line, fit for a log or a terminal."""

from __future__ import annotations

from typing import TypeVar

__all__ = [
    "AuzapError",
    "BadPayload",
    "ConfigError",
    "HookFailed",
    "LeaseLost",
    "OutboxFull",
    "PluginError",
    "PluginPaused",
    "QueueUnavailable",
    "Refused",
    "StoreUnavailable",
    "Unavailable",
    "Unreachable",
    "cause_of",
]

Kind = TypeVar("Kind", bound=BaseException)


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


class OutboxFull(AuzapError):
    """A tenant has too many messages waiting to leave; nothing of this one was stored."""


class HookFailed(AuzapError):
    """A plugin raised, hit its deadline or returned the wrong thing.

    ``__cause__`` is what the plugin raised, if it raised.

    :param brief: the reason without the text of the plugin's error, which may quote a customer.
    """

    def __init__(self, plugin: str, hook: str, reason: str, *, brief: str | None = None) -> None:
        super().__init__(f"plugin {plugin}: {hook}: {reason}")
        self.plugin = plugin
        self.hook = hook
        self.reason = reason
        self.brief = reason if brief is None else brief


class PluginPaused(HookFailed):
    """A plugin that kept failing is left alone for a while: it was not called. It uses no attempt.

    :param since: when it was first left alone, in seconds since 1970.
    :param until: when one call tries again, in seconds since 1970.
    """

    def __init__(self, plugin: str, hook: str, reason: str, *, since: float, until: float) -> None:
        super().__init__(plugin, hook, reason)
        self.since = since
        self.until = until


class Unreachable(AuzapError):
    """The channel took nothing: connection refused, no such host, 401, 403, 503, not connected."""


class Refused(AuzapError):
    """The channel answered no, or its answer was lost.

    :param reason: in a line; it stands on the reply's row.
    :param final: the same send would be refused again (400, 404, a provider's code); otherwise it is worth
        another attempt with the same idempotency key.
    """

    def __init__(self, reason: str, *, final: bool) -> None:
        super().__init__(reason)
        self.final = final


def cause_of(error: BaseException, kind: type[Kind]) -> Kind | None:
    """The first error of a kind behind another: itself, a cause, a context, or one of a group."""
    waiting: list[BaseException | None] = [error]
    seen: set[int] = set()
    while waiting:
        one = waiting.pop(0)
        if one is None or id(one) in seen:
            continue
        if isinstance(one, kind):
            return one
        seen.add(id(one))
        waiting += [one.__cause__, one.__context__]
        if isinstance(one, BaseExceptionGroup):
            waiting += one.exceptions
    return None
