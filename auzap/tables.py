"""The tables. The seed's names and columns stay; auzap's own state stands in tables of its own.

Text ids are UUIDv7 with dashes. Times have a time zone and are UTC.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, DateTime, Dialect, Index, text
from sqlalchemy.types import TypeDecorator
from sqlmodel import Field, SQLModel

from auzap.model.keys import new_id

__all__ = [
    "ActiveConversation",
    "AiInteraction",
    "AuroraProactiveMessage",
    "Contact",
    "ContactIdentity",
    "Conversation",
    "InboxRow",
    "MessageRow",
    "OnceRow",
    "OutboxRow",
    "OwnerIdentity",
    "OwnerNumber",
    "ScheduleRow",
    "StateRow",
    "TenantRow",
    "TraceRow",
    "UtcDateTime",
    "now",
]


def now() -> datetime:
    """The time, in UTC, with its zone."""
    return datetime.now(UTC)


class UtcDateTime(TypeDecorator[datetime]):
    """A point in time, in UTC with its zone, also on SQLite, which keeps no zones.

    SQLite holds the text ``2026-11-22 15:40:07.123456``.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a time without its zone: {value!r}; use datetime.now(UTC)")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value.replace(tzinfo=UTC) if value is not None and value.tzinfo is None else value


def _id() -> Any:
    return Field(default_factory=new_id, primary_key=True)


def _time() -> Any:
    return Field(default_factory=now, sa_type=UtcDateTime)


def _maybe_time() -> Any:
    return Field(default=None, sa_type=UtcDateTime)


def _partial(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    """An index of those rows alone that are looked up by it: the others cost nothing to write."""
    return Index(name, *columns, unique=unique, sqlite_where=text(where), postgresql_where=text(where))


class TenantRow(SQLModel):
    """Rows that belong to one tenant. A plugin's table that inherits from it is kept apart by tenant too."""

    #: filled in by the store where it is empty
    organization_id: str = Field(default="", nullable=False)


# ------------------------------------------------------------------ the seed's tables


class Contact(TenantRow, table=True):
    """A customer. The oldest of duplicates wins."""

    __tablename__ = "contacts"
    __table_args__ = (
        Index("ix_contacts_organization_phone", "organization_id", "phone"),
        Index("ix_contacts_organization_created", "organization_id", "created_at"),
    )

    id: str = _id()
    #: the digits as first seen; ``<digits>@lid`` for a person known by LID only
    phone: str
    name: str | None = None
    status: str = "active"
    created_at: datetime = _time()
    updated_at: datetime = _time()


class Conversation(TenantRow, table=True):
    """A contact's conversation; at most one is active (``auzap_active`` says which)."""

    __tablename__ = "conversations"
    __table_args__ = (
        Index("ix_conversations_organization_contact", "organization_id", "contact_id", "status"),
        Index("ix_conversations_organization_last", "organization_id", "last_message_at"),
    )

    id: str = _id()
    instance_id: str | None = None
    contact_id: str = Field(foreign_key="contacts.id")
    status: str = "active"
    #: False: "AI off", nobody answers by program
    ai_enabled: bool = True
    first_message_at: datetime | None = _maybe_time()
    last_message_at: datetime | None = _maybe_time()
    #: when a person took the conversation over; replies of turns begun before it are not sent
    taken_over_at: datetime | None = _maybe_time()
    created_at: datetime = _time()


class MessageRow(TenantRow, table=True):
    """A customer's message, or a reply to a customer."""

    __tablename__ = "messages"
    __table_args__ = (
        Index("ix_messages_conversation_created", "conversation_id", "created_at"),
        Index("ix_messages_organization_whatsapp", "organization_id", "whatsapp_message_id"),
        Index("ix_messages_organization_created", "organization_id", "created_at"),
    )

    #: the id of its row in ``auzap_inbox`` or ``auzap_outbox``
    id: str = _id()
    conversation_id: str | None = Field(default=None, foreign_key="conversations.id")
    instance_id: str | None = None
    whatsapp_message_id: str | None = None
    #: ``inbound`` or ``outbound``
    direction: str
    content: str | None = None
    message_type: str = "text"
    #: inbound: ``delivered``; outbound: ``pending``, ``sent``, ``delivered``, ``read`` or ``failed``
    status: str | None = None
    sender_phone: str | None = None
    processed_by_ai: bool | None = None
    ai_response: bool | None = None
    created_at: datetime = _time()


class AiInteraction(TenantRow, table=True):
    """What an assistant understood and answered."""

    __tablename__ = "ai_interactions"
    __table_args__ = (Index("ix_ai_interactions_conversation_created", "conversation_id", "created_at"),)

    id: str = _id()
    conversation_id: str | None = Field(default=None, foreign_key="conversations.id")
    #: WhatsApp's id of the message, as in the seed
    message_id: str | None = None
    prompt: str | None = None
    response: str | None = None
    intent: str | None = None
    sentiment: str | None = None
    confidence: float | None = None
    model_used: str | None = None
    created_at: datetime = _time()


class OwnerNumber(TenantRow, table=True):
    """A number that belongs to the business's owner. Owners in the YAML get a row too."""

    __tablename__ = "owner_numbers"
    __table_args__ = (Index("ix_owner_numbers_organization", "organization_id"),)

    id: str = _id()
    phone: str
    name: str | None = None
    role: str = "owner"
    active: bool = True
    created_at: datetime = _time()


class AuroraProactiveMessage(TenantRow, table=True):
    """What Aurora told an owner."""

    __tablename__ = "aurora_proactive_messages"
    __table_args__ = (Index("ix_aurora_proactive_owner_created", "organization_id", "owner_number_id", "created_at"),)

    id: str = _id()
    owner_number_id: str | None = Field(default=None, foreign_key="owner_numbers.id")
    message_type: str | None = None
    content: str | None = None
    scheduled_for: datetime | None = _maybe_time()
    status: str | None = None
    sent_at: datetime | None = _maybe_time()
    created_at: datetime = _time()


# ------------------------------------------------------------------ auzap's own


class InboxRow(TenantRow, table=True):
    """One accepted message: what became of it, and why."""

    __tablename__ = "auzap_inbox"
    __table_args__ = (
        Index("uq_auzap_inbox_dedupe", "organization_id", "dedupe_key", unique=True),
        _partial("uq_auzap_inbox_envelope", "organization_id", "envelope_id", where="dedupe_key IS NULL", unique=True),
        Index("ix_auzap_inbox_turn", "turn_id"),
        _partial("ix_auzap_inbox_finished", "updated_at", where="state IN ('done', 'dead')"),
    )

    #: also the id of the message's row in ``messages``, if it has one
    id: str = _id()
    instance_id: str
    #: the envelope that brought it; ``dead retry`` keeps it
    envelope_id: str
    #: None for what must not shadow the real message (an undecryptable stub)
    dedupe_key: str | None = None
    #: the first message's row of the turn that this one belongs to
    turn_id: str
    #: ``received`` -> ``handled`` -> ``done``; or ``dead``
    state: str
    #: why it was not answered, or why it is dead
    reason: str | None = None
    #: grows with every lease; a worker with a smaller one changes nothing
    lease_token: int = Field(sa_type=BigInteger)
    revived: int = 0
    attempts: int = 0
    chat_id: str
    message_id: str | None = None
    message_type: str
    #: what was written, for those who are no contacts (owners, skipped messages)
    content: str | None = None
    sender_role: str | None = None
    sender_phone: str | None = None
    contact_id: str | None = None
    conversation_id: str | None = None
    #: the plugin that answered
    answered_by: str | None = None
    accepted_at: datetime = _time()
    created_at: datetime = _time()
    updated_at: datetime = _time()


class OutboxRow(TenantRow, table=True):
    """Everything that leaves. Its id is the idempotency key and the id of the reply's row in ``messages``."""

    __tablename__ = "auzap_outbox"
    __table_args__ = (
        Index("ix_auzap_outbox_turn", "turn_id", "ordinal"),
        _partial("ix_auzap_outbox_due", "not_before", where="not_before IS NOT NULL AND queued_at IS NULL"),
        _partial("ix_auzap_outbox_provider", "organization_id", "provider_id", where="provider_id IS NOT NULL"),
        _partial("ix_auzap_outbox_finished", "updated_at", where="state IN ('sent', 'failed', 'cancelled')"),
        _partial("ix_auzap_outbox_waiting", "organization_id", where="turn_id IS NULL AND state = 'pending'"),
    )

    id: str = _id()
    instance_id: str
    #: None for what answers no turn (reminders, broadcasts)
    turn_id: str | None = None
    ordinal: int = 0
    chat_id: str
    content: str
    conversation_id: str | None = None
    #: ``pending`` -> ``sending`` -> ``sent``; or ``failed``, ``cancelled``
    state: str = "pending"
    #: why it failed or was cancelled, or what the last attempt met
    reason: str | None = None
    attempts: int = 0
    lease_token: int = Field(default=0, sa_type=BigInteger)
    provider_id: str | None = None
    not_before: datetime | None = _maybe_time()
    #: when its ``outbound`` job was put into the queue
    queued_at: datetime | None = _maybe_time()
    created_at: datetime = _time()
    updated_at: datetime = _time()
    #: of the tenant's configuration that wrote it; None for what is older than this column, and what people send
    config_version: str | None = None


class OnceRow(TenantRow, table=True):
    """What ``turn.once`` decided."""

    __tablename__ = "auzap_once"

    turn_id: str = Field(primary_key=True)
    name: str = Field(primary_key=True)
    result: Any = Field(default=None, sa_type=JSON)
    created_at: datetime = _time()


class ContactIdentity(SQLModel, table=True):
    """Which contact an address belongs to."""

    __tablename__ = "contact_identities"
    __table_args__ = (Index("ix_contact_identities_contact", "contact_id"),)

    organization_id: str = Field(primary_key=True)
    #: ``phone`` (the key that makes the forms of one number equal), ``lid`` or ``bsuid``
    kind: str = Field(primary_key=True)
    value: str = Field(primary_key=True)
    contact_id: str


class ActiveConversation(SQLModel, table=True):
    """The one active conversation of a contact."""

    __tablename__ = "auzap_active"

    organization_id: str = Field(primary_key=True)
    contact_id: str = Field(primary_key=True)
    conversation_id: str


class OwnerIdentity(SQLModel, table=True):
    """LIDs seen beside an owner's phone: accepted later when the phone is missing."""

    __tablename__ = "owner_identities"

    organization_id: str = Field(primary_key=True)
    lid: str = Field(primary_key=True)
    owner_number_id: str


class StateRow(TenantRow, table=True):
    """What a plugin remembers of a chat."""

    __tablename__ = "auzap_state"
    __table_args__ = (_partial("ix_auzap_state_expiring", "expires_at", where="expires_at IS NOT NULL"),)

    organization_id: str = Field(default="", primary_key=True)
    instance_id: str = Field(primary_key=True)
    chat_id: str = Field(primary_key=True)
    #: its name in the YAML
    plugin: str = Field(primary_key=True)
    name: str = Field(primary_key=True)
    #: JSON
    value: str
    #: None: never
    expires_at: datetime | None = _maybe_time()
    updated_at: datetime = _time()


class TraceRow(TenantRow, table=True):
    """One attempt at a turn: who was asked, what each said, what came of it. No text of anybody's."""

    __tablename__ = "auzap_traces"
    __table_args__ = (
        Index("ix_auzap_traces_turn", "turn_id"),
        _partial("ix_auzap_traces_message", "message_id", where="message_id IS NOT NULL"),
        Index("ix_auzap_traces_created", "created_at"),
    )

    id: str = _id()
    instance_id: str
    turn_id: str
    #: the provider's id of the turn's last message
    message_id: str | None = None
    attempt: int
    #: of the tenant's configuration that was asked
    config_version: str
    #: ``answered``, ``failed``, ``waits``, or why there is no reply
    outcome: str
    #: the plugin that answered
    answered_by: str | None = None
    ms: float
    #: a list of ``{hook, plugin, ms, said, error}``
    steps: Any = Field(default=None, sa_type=JSON)
    created_at: datetime = _time()


class ScheduleRow(TenantRow, table=True):
    """When a plugin's method runs next, and what came of it the last time."""

    __tablename__ = "auzap_schedules"
    __table_args__ = (Index("ix_auzap_schedules_due", "due_at"),)

    organization_id: str = Field(default="", primary_key=True)
    #: its name in the YAML
    plugin: str = Field(primary_key=True)
    method: str = Field(primary_key=True)
    #: what says when it is due, and in which time zone
    rule: str
    due_at: datetime = _time()
    #: a worker runs it, until then at the latest
    claimed_until: datetime | None = _maybe_time()
    #: grows with every claim
    token: int = Field(default=0, sa_type=BigInteger)
    #: workers that died over it, one after the other
    lost: int = 0
    last_ran_at: datetime | None = _maybe_time()
    #: why the last run failed
    error: str | None = None
