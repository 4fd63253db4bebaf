"""What a plugin is handed besides its options: each bound to its tenant."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from auzap.model.turn import Chat, TenantStore

if TYPE_CHECKING:
    import httpx
    from structlog.typing import FilteringBoundLogger

__all__ = ["Clock", "Outbox", "OwnHooks", "Services"]


class Clock(Protocol):
    """What time it is. Tests put it forward; so ask it, and not ``datetime.now``."""

    def now(self) -> datetime:
        """With the tenant's time zone."""
        ...


class Outbox(Protocol):
    """Sends what answers no turn: reminders, reports, notices. An answer is a ``Reply``."""

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
        """Store a message that leaves in its chat's lane, now or later. Of one plugin 20 at once, then 50 a second:
        whoever sends more waits here.

        :param text: not blank, and at most 65,536 characters.
        :param chat: where to, as a turn's ``chat`` said.
        :param phone: or whom to: the chat that this person last wrote in on the instance.
        :param instance_id: from which number, with ``phone``; may be left out where the tenant has one only.
        :param not_before: with a time zone.
        :param key: tells this message from the plugin's others: the same again is the same message, sent once.
        :return: its id in ``auzap_outbox``.
        :raises ValueError: neither or both of chat and phone, no such instance, no phone number, no text, too long.
        :raises OutboxFull: the tenant has too many messages waiting to leave.
        """
        ...


class OwnHooks(Protocol):
    """Calls the hooks that the plugin itself specifies (``Plugin.hookspecs``), which other plugins implement."""

    async def all(self, hook: str, /, **arguments: Any) -> list[Any]:
        """Ask all who implement it, in the order of the YAML; what is not None of their answers.

        :param hook: its name.
        :param arguments: those that it specifies, by name.
        :raises HookFailed: one raised or missed its deadline.
        :raises ValueError: the plugin specifies no such hook, or not with these arguments.
        """
        ...

    async def first(self, hook: str, /, **arguments: Any) -> Any:
        """As ``all``, until one answers; None when nobody does.

        :param hook: its name.
        :param arguments: those that it specifies, by name.
        """
        ...


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Services:
    """What a plugin is built with; the plugin has them as attributes."""

    #: log events carry the tenant and the plugin
    log: FilteringBoundLogger
    #: what time it is for the tenant
    clock: Clock
    #: the database, as the tenant sees it
    store: TenantStore
    #: sends what answers no turn
    outbox: Outbox
    #: calls the hooks that the plugin specifies
    hooks: OwnHooks
    #: makes the client when it is first asked for, and then gives the same one
    http: Callable[[], httpx.AsyncClient]
