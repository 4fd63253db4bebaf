"""What plugins remember, what they do by the clock, and who was asked about a turn."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("auzap_outbox", sa.Column("config_version", sa.String(), nullable=True))
    where = sa.text("turn_id IS NULL AND state = 'pending'")
    op.create_index(
        "ix_auzap_outbox_waiting", "auzap_outbox", ["organization_id"], sqlite_where=where, postgresql_where=where
    )
    _state()
    _traces()
    _schedules()


def _state() -> None:
    op.create_table(
        "auzap_state",
        sa.Column("organization_id", sa.String(), nullable=False),
        sa.Column("instance_id", sa.String(), nullable=False),
        sa.Column("chat_id", sa.String(), nullable=False),
        sa.Column("plugin", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "instance_id", "chat_id", "plugin", "name"),
    )
    where = sa.text("expires_at IS NOT NULL")
    op.create_index(
        "ix_auzap_state_expiring", "auzap_state", ["expires_at"], sqlite_where=where, postgresql_where=where
    )


def _traces() -> None:
    op.create_table(
        "auzap_traces",
        sa.Column("organization_id", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("instance_id", sa.String(), nullable=False),
        sa.Column("turn_id", sa.String(), nullable=False),
        sa.Column("message_id", sa.String(), nullable=True),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("config_version", sa.String(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("answered_by", sa.String(), nullable=True),
        sa.Column("ms", sa.Float(), nullable=False),
        sa.Column("steps", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_auzap_traces_turn", "auzap_traces", ["turn_id"])
    where = sa.text("message_id IS NOT NULL")
    op.create_index(
        "ix_auzap_traces_message", "auzap_traces", ["message_id"], sqlite_where=where, postgresql_where=where
    )
    op.create_index("ix_auzap_traces_created", "auzap_traces", ["created_at"])


def _schedules() -> None:
    op.create_table(
        "auzap_schedules",
        sa.Column("organization_id", sa.String(), nullable=False),
        sa.Column("plugin", sa.String(), nullable=False),
        sa.Column("method", sa.String(), nullable=False),
        sa.Column("rule", sa.String(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("claimed_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("token", sa.BigInteger(), nullable=False),
        sa.Column("lost", sa.Integer(), nullable=False),
        sa.Column("last_ran_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("organization_id", "plugin", "method"),
    )
    op.create_index("ix_auzap_schedules_due", "auzap_schedules", ["due_at"])
