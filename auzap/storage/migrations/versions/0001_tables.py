"""The first schema.

A database of the seed's has some of these tables already: they keep their rows, their columns and their types, and get
what is missing, as columns that may be empty.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from auzap.storage.migrations.seed import take_over

revision = "0001"
down_revision = None


def upgrade() -> None:
    _contacts()
    _conversations()
    _messages()
    _ai_interactions()
    _owner_numbers()
    _aurora_proactive_messages()
    _inbox()
    _outbox()
    _once()
    _identities()
    take_over(op.get_bind())


def _contacts() -> None:
    _table(
        "contacts",
        sa.Column("organization_id", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("phone", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    _index("ix_contacts_organization_phone", "contacts", "organization_id", "phone")
    _index("ix_contacts_organization_created", "contacts", "organization_id", "created_at")


def _conversations() -> None:
    _table(
        "conversations",
        sa.Column("organization_id", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("instance_id", sa.String(), nullable=True),
        sa.Column("contact_id", _type_of_id("contacts"), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("ai_enabled", sa.Boolean(), nullable=False),
        sa.Column("first_message_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_message_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("taken_over_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    _index("ix_conversations_organization_contact", "conversations", "organization_id", "contact_id", "status")
    _index("ix_conversations_organization_last", "conversations", "organization_id", "last_message_at")


def _messages() -> None:
    _table(
        "messages",
        sa.Column("organization_id", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("conversation_id", _type_of_id("conversations"), nullable=True),
        sa.Column("instance_id", sa.String(), nullable=True),
        sa.Column("whatsapp_message_id", sa.String(), nullable=True),
        sa.Column("direction", sa.String(), nullable=False),
        sa.Column("content", sa.String(), nullable=True),
        sa.Column("message_type", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=True),
        sa.Column("sender_phone", sa.String(), nullable=True),
        sa.Column("processed_by_ai", sa.Boolean(), nullable=True),
        sa.Column("ai_response", sa.Boolean(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["conversation_id"], ["conversations.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    _index("ix_messages_conversation_created", "messages", "conversation_id", "created_at")
    _index("ix_messages_organization_whatsapp", "messages", "organization_id", "whatsapp_message_id")
    _index("ix_messages_organization_created", "messages", "organization_id", "created_at")


def _ai_interactions() -> None:
    _table(
        "ai_interactions",
        sa.Column("organization_id", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("conversation_id", _type_of_id("conversations"), nullable=True),
        sa.Column("message_id", sa.String(), nullable=True),
        sa.Column("prompt", sa.String(), nullable=True),
        sa.Column("response", sa.String(), nullable=True),
        sa.Column("intent", sa.String(), nullable=True),
        sa.Column("sentiment", sa.String(), nullable=True),
        sa.Column("confidence", sa.Float(), nullable=True),
        sa.Column("model_used", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["conversation_id"], ["conversations.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    _index("ix_ai_interactions_conversation_created", "ai_interactions", "conversation_id", "created_at")


def _owner_numbers() -> None:
    _table(
        "owner_numbers",
        sa.Column("organization_id", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("phone", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=True),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    _index("ix_owner_numbers_organization", "owner_numbers", "organization_id")


def _aurora_proactive_messages() -> None:
    _table(
        "aurora_proactive_messages",
        sa.Column("organization_id", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("owner_number_id", _type_of_id("owner_numbers"), nullable=True),
        sa.Column("message_type", sa.String(), nullable=True),
        sa.Column("content", sa.String(), nullable=True),
        sa.Column("scheduled_for", sa.DateTime(timezone=True), nullable=True),
        sa.Column("status", sa.String(), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["owner_number_id"], ["owner_numbers.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    _index(
        "ix_aurora_proactive_owner_created",
        "aurora_proactive_messages",
        "organization_id",
        "owner_number_id",
        "created_at",
    )


def _inbox() -> None:
    _table(
        "auzap_inbox",
        sa.Column("organization_id", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("instance_id", sa.String(), nullable=False),
        sa.Column("envelope_id", sa.String(), nullable=False),
        sa.Column("dedupe_key", sa.String(), nullable=True),
        sa.Column("turn_id", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("lease_token", sa.BigInteger(), nullable=False),
        sa.Column("revived", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("chat_id", sa.String(), nullable=False),
        sa.Column("message_id", sa.String(), nullable=True),
        sa.Column("message_type", sa.String(), nullable=False),
        sa.Column("content", sa.String(), nullable=True),
        sa.Column("sender_role", sa.String(), nullable=True),
        sa.Column("sender_phone", sa.String(), nullable=True),
        sa.Column("contact_id", sa.String(), nullable=True),
        sa.Column("conversation_id", sa.String(), nullable=True),
        sa.Column("answered_by", sa.String(), nullable=True),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    _index("uq_auzap_inbox_dedupe", "auzap_inbox", "organization_id", "dedupe_key", unique=True)
    _index(
        "uq_auzap_inbox_envelope",
        "auzap_inbox",
        "organization_id",
        "envelope_id",
        unique=True,
        where="dedupe_key IS NULL",
    )
    _index("ix_auzap_inbox_turn", "auzap_inbox", "turn_id")
    _index("ix_auzap_inbox_finished", "auzap_inbox", "updated_at", where="state IN ('done', 'dead')")


def _outbox() -> None:
    _table(
        "auzap_outbox",
        sa.Column("organization_id", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("instance_id", sa.String(), nullable=False),
        sa.Column("turn_id", sa.String(), nullable=True),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("chat_id", sa.String(), nullable=False),
        sa.Column("content", sa.String(), nullable=False),
        sa.Column("conversation_id", sa.String(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("lease_token", sa.BigInteger(), nullable=False),
        sa.Column("provider_id", sa.String(), nullable=True),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=True),
        sa.Column("queued_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    _index("ix_auzap_outbox_turn", "auzap_outbox", "turn_id", "ordinal")
    _index("ix_auzap_outbox_due", "auzap_outbox", "not_before", where="not_before IS NOT NULL AND queued_at IS NULL")
    _index(
        "ix_auzap_outbox_provider",
        "auzap_outbox",
        "organization_id",
        "provider_id",
        where="provider_id IS NOT NULL",
    )
    _index("ix_auzap_outbox_finished", "auzap_outbox", "updated_at", where="state IN ('sent', 'failed', 'cancelled')")


def _once() -> None:
    _table(
        "auzap_once",
        sa.Column("organization_id", sa.String(), nullable=False),
        sa.Column("turn_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("result", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("turn_id", "name"),
    )


def _identities() -> None:
    _table(
        "contact_identities",
        sa.Column("organization_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.Column("contact_id", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "kind", "value"),
    )
    _index("ix_contact_identities_contact", "contact_identities", "contact_id")
    _table(
        "auzap_active",
        sa.Column("organization_id", sa.String(), nullable=False),
        sa.Column("contact_id", sa.String(), nullable=False),
        sa.Column("conversation_id", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "contact_id"),
    )
    _table(
        "owner_identities",
        sa.Column("organization_id", sa.String(), nullable=False),
        sa.Column("lid", sa.String(), nullable=False),
        sa.Column("owner_number_id", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "lid"),
    )


def _table(name: str, *parts: sa.schema.SchemaItem) -> None:
    """Make a table; to one that is there already, add the columns that it lacks."""
    found = sa.inspect(op.get_bind())
    if not found.has_table(name):
        op.create_table(name, *parts)
        return
    present = {column["name"] for column in found.get_columns(name)}
    for column in parts:
        if isinstance(column, sa.Column) and column.name not in present:
            op.add_column(name, sa.Column(column.name, column.type, nullable=True))


def _type_of_id(table: str) -> sa.types.TypeEngine[Any]:
    """For what refers to it: text, unless the table was there already with UUIDs."""
    columns = sa.inspect(op.get_bind()).get_columns(table)
    found: sa.types.TypeEngine[Any] = next(column["type"] for column in columns if column["name"] == "id")
    return found if isinstance(found, sa.Uuid) else sa.String()


def _index(name: str, table: str, *columns: str, unique: bool = False, where: str | None = None) -> None:
    """Make an index, unless the table has the like already under another name."""
    if not unique and where is None and list(columns) in _plain_indexes(table):
        return
    partial: dict[str, Any] = (
        {"sqlite_where": sa.text(where), "postgresql_where": sa.text(where)} if where is not None else {}
    )
    op.create_index(name, table, list(columns), unique=unique, if_not_exists=True, **partial)


def _plain_indexes(table: str) -> list[list[str | None]]:
    """The columns of indexes of all rows."""
    found = sa.inspect(op.get_bind()).get_indexes(table)
    return [
        one["column_names"]
        for one in found
        if not any(key.endswith("_where") for key in one.get("dialect_options", {}))
    ]
