"""What the pipeline asks of a database, whatever the database is.

Every call is one step of a turn: stored whole or not at all, and safe to repeat. Calls that wait at the same time are
written together. Each takes the lease's token: a row takes it only if it is not smaller than its own, else the call
raises ``LeaseLost`` and changes nothing. Every call raises ``StoreUnavailable`` when the database is away.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self

from auzap.model.reply import Interaction
from auzap.model.turn import Chat, TenantStore

if TYPE_CHECKING:
    from sqlmodel import SQLModel
    from sqlmodel.ext.asyncio.session import AsyncSession

__all__ = [
    "Claim",
    "ClaimedRun",
    "Decision",
    "DueReply",
    "Inbound",
    "NewReply",
    "Outgoing",
    "Owner",
    "Person",
    "Recorded",
    "ScheduledRun",
    "StateChange",
    "Store",
    "StoredReply",
    "Trace",
    "TraceStep",
]

#: ``settled``: it was sent, failed or cancelled before
Claim = Literal["claimed", "taken_over", "settled"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """The addresses of a customer, at least one of them."""

    #: digits, as they arrived
    phone: str | None
    #: ``<digits>@lid``
    lid: str | None
    name: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Inbound:
    """One message on its way into the inbox."""

    organization_id: str
    instance_id: str
    envelope_id: str
    dedupe_key: str | None
    revived: int
    token: int
    chat_id: str
    message_id: str | None
    message_type: str
    content: str | None
    sender_role: str | None
    sender_phone: str | None
    #: who becomes a contact, with a conversation and a row in ``messages``; None for owners and skipped messages
    person: Person | None
    #: why it is not answered; then its row is ``done`` at once
    reason: str | None
    accepted_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredReply:
    """A row of ``auzap_outbox`` as the sender needs it."""

    id: str
    turn_id: str | None
    organization_id: str
    instance_id: str
    chat_id: str
    text: str
    state: str
    attempts: int
    not_before: datetime | None
    reason: str | None
    #: it was claimed when it was stored: it may leave at once
    claimed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What the inbox knows of a message."""

    #: of the row; also of its row in ``messages``
    id: str
    turn_id: str
    #: ``received``, ``handled``, ``done`` or ``dead``
    state: str
    #: another envelope of the same key was handled already: drop this one
    duplicate: bool
    reason: str | None
    contact_id: str | None
    conversation_id: str | None
    ai_enabled: bool
    #: a person took the conversation over since the turn began
    taken_over: bool
    began_at: datetime
    #: the turn's replies for now (none with a ``not_before``), in order; only of a turn that was handled
    replies: tuple[StoredReply, ...]


@dataclass(frozen=True, slots=True)
class NewReply:
    text: str
    not_before: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StateChange:
    """What a plugin remembers of a chat from now on.

    :param value: a JSON text; None: nothing any more.
    :param expires_at: None: never.
    """

    plugin: str
    name: str
    value: str | None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What became of a turn, to be stored at once: replies, records, interaction, state."""

    organization_id: str
    instance_id: str
    turn_id: str
    token: int
    chat_id: str
    #: None for owners: their replies stand in the outbox alone
    conversation_id: str | None
    #: WhatsApp's id of the turn's last message
    message_id: str | None
    replies: tuple[NewReply, ...]
    records: tuple[SQLModel, ...]
    interaction: Interaction | None
    #: why there is no reply; then the turn is ``done``
    reason: str | None
    answered_by: str | None
    #: attempts of the handler, the last one included
    attempts: int
    #: when the turn began, if its first reply is to be claimed at once; it is not when a person has taken over since
    claim_since: datetime | None = None
    #: of the tenant's configuration that answered
    config_version: str | None = None
    #: what plugins remember of the chat; each name of a plugin once
    state: tuple[StateChange, ...] = ()


@dataclass(frozen=True, slots=True)
class DueReply:
    """A scheduled row whose time has come and whose job is not in the queue yet."""

    id: str
    organization_id: str
    instance_id: str
    chat_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A message that answers nothing: somebody has it sent."""

    #: of its row in the outbox, so the idempotency key; the same again is the same message
    id: str
    organization_id: str
    instance_id: str
    #: where to; without ``to_chat`` only if nothing was heard of the person on this instance
    chat_id: str
    text: str
    #: who becomes a contact, with a conversation and a row in ``messages``; None for owners
    person: Person | None
    #: into this chat, and not into the one that the person last wrote in
    to_chat: bool = False
    #: None: now
    not_before: datetime | None = None
    config_version: str | None = None
    #: messages of the tenant that may wait to leave, this one included; None: as many as there are
    most: int | None = None


@dataclass(frozen=True, slots=True)
class TraceStep:
    """One hook call of a turn.

    :param said: ``answered``, ``passed`` or ``failed``.
    :param error: why it failed, in a line.
    """

    hook: str
    plugin: str
    ms: float
    said: Literal["answered", "passed", "failed"]
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """Who was asked about a turn at one attempt, what each said, and what came of it. No text of anybody's."""

    id: str
    organization_id: str
    instance_id: str
    turn_id: str
    #: the provider's id of the turn's last message
    message_id: str | None
    attempt: int
    config_version: str
    #: ``answered``, ``failed``, ``waits``, or why there is no reply
    outcome: str
    answered_by: str | None
    #: from the turn's begin to its outcome
    ms: float
    steps: tuple[TraceStep, ...]
    at: datetime


@dataclass(frozen=True, slots=True)
class ScheduledRun:
    """A method that a plugin has run by the clock.

    :param plugin: its name in the YAML.
    :param rule: what says when it is due; another one, and it is due at another time.
    """

    organization_id: str
    plugin: str
    method: str
    rule: str
    due_at: datetime


@dataclass(frozen=True, slots=True)
class ClaimedRun:
    """One that this worker is to run now. ``token`` grows with every claim.

    :param lost: workers that claimed it and died, one after the other.
    """

    run: ScheduledRun
    token: int
    lost: int = 0


@dataclass(frozen=True, slots=True)
class Owner:
    id: str
    phone: str
    name: str | None
    role: str
    lids: tuple[str, ...]


class Store(Protocol):
    """The database. An async context manager."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    # -------------------------------------------------------------- a turn, in the order of its steps

    async def record(self, arrivals: Sequence[Inbound]) -> list[Recorded]:
        """Write a turn's messages, in order, with contact and conversation found or made once.

        State decides, not existence. To another envelope of its key, a row that is ``handled``, ``done`` or ``dead``
        is a duplicate; one that is ``received`` is taken over. The same envelope resumes what its row says; with a
        greater ``revived``, a ``dead`` row is brought back: to ``handled`` when it has replies (the failed and
        cancelled ones pending again, with no attempts), else to ``received``. Rows that are ``received`` after the
        call share the ``turn_id`` of the first of them.
        """
        ...

    async def persist(self, decision: Decision) -> list[StoredReply]:
        """Store a turn's outcome; of a turn that is handled already, give what was stored.

        Inserts the replies as ``pending`` (and their rows in ``messages``, for a customer), the records, the
        interaction, and makes the turn ``handled``; ``done`` when nothing is to be sent now.

        :return: the replies to be sent now, in order.
        """
        ...

    async def state_of(
        self, organization_id: str, chat: Chat, plugin: str, *, at: datetime | None = None
    ) -> dict[str, Any]:
        """What a plugin remembers of a chat and has not expired: JSON values by name.

        :param at: what has expired by then is left out; None: by now.
        """
        ...

    def transaction(
        self, organization_id: str, *, turn_id: str, token: int
    ) -> AbstractAsyncContextManager[AsyncSession]:
        """A short transaction of one tenant's: commits at the end, rolls back when the body raises."""
        ...

    async def persist_in(self, session: AsyncSession, decision: Decision) -> list[StoredReply]:
        """As ``persist``, in a ``transaction`` that a plugin writes in too."""
        ...

    async def once(
        self,
        organization_id: str,
        *,
        turn_id: str,
        token: int,
        name: str,
        fn: Callable[[AsyncSession], Awaitable[Any]],
    ) -> Any:
        """Run ``fn`` in a transaction together with its result, or give the result that is stored."""
        ...

    async def claim(self, reply_id: str, *, token: int, began_at: datetime) -> Claim:
        """``pending`` or ``sending`` -> ``sending``, unless a person took the conversation over since ``began_at``.

        Taken over: the turn's unsent replies are ``cancelled`` and the turn is ``done``, reason ``taken_over``.
        """
        ...

    async def note_sent(self, reply_id: str, *, token: int, provider_id: str | None) -> None:
        """-> ``sent``; the turn is ``done`` with its last reply."""
        ...

    async def note_unsent(self, reply_id: str, *, token: int, reason: str, attempt: bool) -> int:
        """-> ``pending`` again.

        :return: the reply's attempts so far, this one included if it counts.
        """
        ...

    async def note_refused(self, reply_id: str, *, token: int, reason: str) -> None:
        """-> ``failed``; the turn's later replies ``cancelled``, the turn ``dead``."""
        ...

    async def note_dead(self, turn_id: str, *, token: int, reason: str, attempts: int) -> None:
        """The turn's handler gave up: -> ``dead``."""
        ...

    async def note_buried(
        self, organization_id: str, *, envelope_id: str, dedupe_key: str | None, token: int, reason: str
    ) -> None:
        """An envelope was given up before its message was read again: -> ``dead``, if it has a row that goes on.

        Of a turn that is ``received`` that row alone, so that the others go on without it; a turn that is ``handled``
        dies whole, and what it has not sent is ``cancelled``.
        """
        ...

    # -------------------------------------------------------------- scheduled replies

    async def due(self, before: datetime, *, limit: int) -> list[DueReply]: ...

    async def note_queued(self, reply_ids: Sequence[str]) -> None: ...

    async def put_outgoing(self, outgoing: Outgoing) -> StoredReply:
        """A scheduled row of the outbox, and for a customer its row in ``messages``.

        It goes to the chat that the person last wrote in on this instance, unless it names one. Of an id that was put
        before nothing is changed, and what was stored is given.

        :raises OutboxFull: the tenant has ``most`` waiting to leave already; nothing was stored.
        """
        ...

    async def outbound(self, reply_id: str) -> StoredReply | None:
        """One row of the outbox; None when there is none."""
        ...

    async def revive_reply(self, reply_id: str, *, token: int) -> None:
        """``failed`` or ``cancelled`` -> ``pending``, with no attempts."""
        ...

    # -------------------------------------------------------------- what plugins do by the clock

    async def ensure_runs(self, runs: Sequence[ScheduledRun]) -> None:
        """Note when each is due next, unless that is known already, by the same rule."""
        ...

    async def claim_runs(self, before: datetime, *, until: datetime, limit: int) -> list[ClaimedRun]:
        """Up to ``limit`` that were due before then and that nobody else has claimed; one a tenant at a time.

        :param until: the claim ends then: whoever has not noted it until then is taken to be dead.
        """
        ...

    async def note_run(self, claimed: ClaimedRun, *, next_at: datetime, error: str | None) -> bool:
        """It ran, and is due next at that time. False: the claim had ended, and it is another's."""
        ...

    async def keep_run(self, claimed: ClaimedRun, *, until: datetime) -> bool:
        """The claim ends then, and not before. False as in ``note_run``."""
        ...

    async def put_off_run(self, claimed: ClaimedRun, *, until: datetime) -> bool:
        """It did not run, and is due then. False as in ``note_run``."""
        ...

    async def forget_runs(self, runs: Sequence[ScheduledRun]) -> None:
        """Nobody has them any more."""
        ...

    # -------------------------------------------------------------- traces

    async def add_traces(self, traces: Sequence[Trace]) -> None: ...

    async def traces_of(self, what: str, *, limit: int, organization_id: str | None = None) -> list[Trace]:
        """Those of a message (by the provider's id or its row's) or of a turn: the newest of them, in their order.

        Of a burst the provider's id of the last message is known; those of the others, where the tenant is named and
        they are a customer's.
        """
        ...

    # -------------------------------------------------------------- events

    async def note_receipt(self, organization_id: str, provider_id: str, status: str) -> bool:
        """Raise a reply's status (``sent`` < ``delivered`` < ``read``; ``failed``). False: no reply of ours."""
        ...

    async def is_ours(self, organization_id: str, provider_id: str) -> bool:
        """Whether a reply left with this id."""
        ...

    async def take_over(self, organization_id: str, person: Person, *, at: datetime) -> bool:
        """A person answers from now on: ``taken_over_at`` is set and AI is off. False: no active conversation.

        :param at: when it was heard of; what is stored is not before the write, so that no turn slips between.
        """
        ...

    async def hand_back(self, organization_id: str, person: Person) -> bool:
        """The bot answers again: AI is on."""
        ...

    # -------------------------------------------------------------- owners

    async def ensure_owners(self, organization_id: str, phones: Sequence[str]) -> None:
        """Give each of these numbers a row, unless a row of the same person is there."""
        ...

    async def owners(self, organization_id: str) -> list[Owner]:
        """The active ones."""
        ...

    async def remember_owner_lid(self, organization_id: str, owner_id: str, lid: str) -> None: ...

    # -------------------------------------------------------------- the rest

    def tenant(self, organization_id: str) -> TenantStore:
        """What plugins of a tenant are given to read."""
        ...

    async def remove_old(
        self,
        *,
        inbox: datetime,
        outbox: datetime,
        limit: int,
        dead: datetime | None = None,
        traces: datetime | None = None,
    ) -> int:
        """Remove up to ``limit`` finished rows last touched before then, and states that have expired; how many.

        :param dead: for dead turns, which keep their replies: what may be revived must not be said twice; and for
            scheduled replies that failed, which may be revived too. By default as ``inbox``.
        """
        ...
