"""The rows that a turn left in the database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar

from auzap.model.turn import TenantStore
from auzap.tables import AiInteraction, Contact, Conversation, InboxRow, MessageRow, OutboxRow

__all__ = ["Stored", "read_rows", "read_turn"]


@dataclass(frozen=True, slots=True)
class Stored:
    """A turn's own rows: the message that was asked for first."""

    inbox: Sequence[InboxRow] = ()
    outbox: Sequence[OutboxRow] = ()

    @property
    def settled(self) -> bool:
        return bool(self.inbox) and self.inbox[0].state in ("done", "dead")


async def read_turn(store: TenantStore, dedupe: str | None) -> Stored:
    """Nothing while it is not recorded."""
    async with store.read() as session:
        asked = (await session.exec(select(InboxRow).where(InboxRow.dedupe_key == dedupe))).first()
        if asked is None:
            return Stored()
        of_turn = select(InboxRow).where(InboxRow.turn_id == asked.turn_id, InboxRow.id != asked.id)
        others = (await session.exec(of_turn.order_by(InboxRow.id))).all()
        replies = select(OutboxRow).where(OutboxRow.turn_id == asked.turn_id).order_by(col(OutboxRow.ordinal))
        return Stored([asked, *others], (await session.exec(replies)).all())


async def read_rows(store: TenantStore, stored: Stored) -> Mapping[str, list[dict[str, Any]]]:
    """Table -> its rows that belong to the turn, those of the customer included, as they are by now."""
    inbox = [row.id for row in stored.inbox]
    outbox = [row.id for row in stored.outbox]
    message_ids = [row.message_id for row in stored.inbox]
    conversations = [row.conversation_id for row in stored.inbox]
    contacts = [row.contact_id for row in stored.inbox]
    wanted: list[SelectOfScalar[Any]] = [
        select(InboxRow).where(col(InboxRow.id).in_(inbox)).order_by(InboxRow.id),
        select(MessageRow).where(col(MessageRow.id).in_([*inbox, *outbox])).order_by(MessageRow.id),
        select(OutboxRow).where(col(OutboxRow.id).in_(outbox)).order_by(col(OutboxRow.ordinal)),
        select(AiInteraction).where(
            col(AiInteraction.conversation_id).in_(conversations), col(AiInteraction.message_id).in_(message_ids)
        ),
        select(Contact).where(col(Contact.id).in_(contacts)),
        select(Conversation).where(col(Conversation.id).in_(conversations)),
    ]
    async with store.read() as session:
        return {
            str(one.get_final_froms()[0]): [_columns(row) for row in (await session.exec(one)).all()] for one in wanted
        }


def _columns(row: Any) -> dict[str, Any]:
    """In the order of the table, as JSON has them."""
    values = row.model_dump(mode="json")
    return {name: values[name] for name in sorted(values, key=list(type(row).model_fields).index)}
