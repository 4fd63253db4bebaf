"""What a handler is given to answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

from auzap.model.message import Message
from auzap.model.people import Sender

if TYPE_CHECKING:
    from sqlmodel.ext.asyncio.session import AsyncSession

__all__ = ["IN_TRANSACTION", "Chat", "State", "TenantStore", "Turn"]

#: seconds that a plugin may take inside a transaction, which keeps all others from writing
IN_TRANSACTION = 5.0


@dataclass(frozen=True, slots=True)
class Chat:
    """Where messages are exchanged.

    :param instance_id: the connected number.
    :param chat_id: the chat's normalized JID, as it arrived; never rebuilt from a phone number.
    """

    instance_id: str
    chat_id: str


class TenantStore(Protocol):
    """The database as one tenant sees it: only its own rows."""

    def read(self) -> AbstractAsyncContextManager[AsyncSession]:
        """A session for queries; what it writes is refused."""
        ...

    def transaction(self) -> AbstractAsyncContextManager[AsyncSession]:
        """A session that commits at the end, and rolls back when the body raises.

        For what belongs to no turn: schedules, events, a lifespan. In a turn, records and ``once`` are right: a turn
        that is tried again would write a second time. It has five seconds: meanwhile nobody else can write.

        :raises TimeoutError: it took too long; nothing was stored.
        """
        ...


class State(Protocol):
    """What a plugin remembers of one chat: JSON values by name.

    Read from the database when it is first asked. What is set is stored with the turn's outcome, in one transaction,
    or not at all: a turn that fails, and is tried again, finds what was there before.
    """

    async def get(self, name: str, default: Any = None) -> Any:
        """What was set last, in this turn or before.

        :param name: of the value.
        :param default: what is returned when there is nothing, or it has expired.
        """
        ...

    def set(self, name: str, value: Any, *, expires: timedelta | None = None) -> None:
        """Remember something, once the outcome is stored.

        :param name: at most 100 characters.
        :param value: any JSON value; at most 65,536 characters as JSON.
        :param expires: from now; None: never.
        :raises TypeError: the value is no JSON.
        :raises ValueError: it, or its name, is too long.
        """
        ...

    def delete(self, name: str) -> None:
        """Forget it, once the outcome is stored.

        :param name: of the value; there need not be one.
        """
        ...


class Once(Protocol):
    async def __call__(self, name: str, fn: Callable[[AsyncSession], Awaitable[Any]]) -> Any: ...


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Turn:
    """One message, or one burst of messages, to be answered once."""

    #: stays the same at every attempt: the id of the first message's inbox row
    id: str
    #: the tenant's id
    organization_id: str
    #: the connected number that it came in on
    instance_id: str
    #: in the order of arrival; the hook's ``message`` is their sum
    messages: tuple[Message, ...]
    #: who is writing
    sender: Sender
    #: 1 at the first attempt
    attempt: int
    #: None for owners, who never become contacts
    contact_id: str | None
    #: None for owners
    conversation_id: str | None
    #: when this attempt began, in UTC
    began_at: datetime
    #: IANA name of the tenant's time zone, such as ``America/Sao_Paulo``
    timezone: str
    #: of the tenant's configuration that answers
    config_version: str
    #: the database, as the tenant sees it
    store: TenantStore
    #: what ``once`` asks; call that
    run_once: Once
    #: of each plugin, by its name in the YAML; a plugin gets its own as the hook's argument ``state``
    states: Callable[[str], State]

    @property
    def chat(self) -> Chat:
        """Where it is answered."""
        return Chat(self.instance_id, self.messages[-1].chat_id)

    async def once(self, name: str, fn: Callable[[AsyncSession], Awaitable[Any]]) -> Any:
        """Decide something now, exactly once.

        ``fn(session)`` runs in a short transaction of its own, stored together with its result. A later
        attempt at the same turn gets the stored result and does not run ``fn`` again. ``fn`` has five seconds:
        meanwhile nobody else can write.

        :param name: tells the decisions of one turn apart.
        :param fn: gets the session; it should ask no server.
        :return: what ``fn`` returned, as JSON gives it back.
        :raises TypeError: the result is no JSON value; nothing was stored.
        :raises TimeoutError: ``fn`` took too long; nothing was stored.
        """
        return await self.run_once(name, fn)
