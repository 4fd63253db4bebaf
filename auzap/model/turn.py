"""What a handler is given to answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from auzap.model.message import Message
from auzap.model.people import Sender

if TYPE_CHECKING:
    from sqlmodel.ext.asyncio.session import AsyncSession

__all__ = ["IN_TRANSACTION", "TenantStore", "Turn"]

#: seconds that a plugin may take inside a transaction, which keeps all others from writing
IN_TRANSACTION = 5.0


class TenantStore(Protocol):
    """The database as one tenant sees it: only its own rows."""

    def read(self) -> AbstractAsyncContextManager[AsyncSession]:
        """A session for queries; what it writes is refused."""
        ...


class Once(Protocol):
    async def __call__(self, name: str, fn: Callable[[AsyncSession], Awaitable[Any]]) -> Any: ...


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Turn:
    """One message, or one burst of messages, to be answered once."""

    #: stays the same at every attempt: the id of the first message's inbox row
    id: str
    organization_id: str
    instance_id: str
    #: in the order of arrival; the hook's ``message`` is their sum
    messages: tuple[Message, ...]
    sender: Sender
    #: 1 at the first attempt
    attempt: int
    #: None for owners, who never become contacts
    contact_id: str | None
    conversation_id: str | None
    began_at: datetime
    #: IANA name of the tenant's time zone, such as ``America/Sao_Paulo``
    timezone: str
    store: TenantStore
    run_once: Once

    async def once(self, name: str, fn: Callable[[AsyncSession], Awaitable[Any]]) -> Any:
        """Decide something now, exactly once.

        ``fn(session)`` runs in a short transaction of its own, stored together with its result. A later
        attempt at the same turn gets the stored result and does not run ``fn`` again. ``fn`` has five seconds:
        meanwhile nobody else can write.

        :param name: tells the decisions of one turn apart.
        :return: what ``fn`` returned, as JSON gives it back.
        :raises TypeError: the result is no JSON value; nothing was stored.
        :raises TimeoutError: ``fn`` took too long; nothing was stored.
        """
        return await self.run_once(name, fn)
