"""Record: messages into the inbox, each once, with the customers who wrote them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from auzap.model.errors import LeaseLost
from auzap.storage.steps.fences import lost
from auzap.storage.steps.inbox_rows import InboxRows, Row
from auzap.storage.steps.outbox_rows import replies_of
from auzap.storage.steps.people import Conversation, People, conversation_of
from auzap.storage.steps.times import moment
from auzap.storage.steps.tx import Tx
from auzap.storage.store import Inbound, Recorded
from auzap.storage.texts import storable

__all__ = ["record"]


def record(tx: Tx, turns: Sequence[Sequence[Inbound]]) -> list[list[Recorded] | Exception]:
    """Decide turn by turn, write together, tell."""
    group = _Group(tx)
    group.look_up([arrival for arrivals in turns for arrival in arrivals])
    taken = [group.take(arrivals) for arrivals in turns]
    group.write()
    return [took if isinstance(took, LeaseLost) else [group.told(entry) for entry in took] for took in taken]


@dataclass(frozen=True, slots=True)
class _Entry:
    row: Row
    duplicate: bool


class _Group:
    """All turns of one transaction."""

    def __init__(self, tx: Tx) -> None:
        self._tx = tx
        self._rows = InboxRows(tx)
        self._people = People(tx)
        self._conversations: dict[str, Conversation] = {}
        self._messages: list[tuple[Any, ...]] = []
        #: conversation -> when its last message came
        self._touched: dict[str, Any] = {}

    def look_up(self, arrivals: Sequence[Inbound]) -> None:
        self._rows.look_up(arrivals)
        self._people.look_up([(one.organization_id, one.person) for one in arrivals if one.person is not None])

    def take(self, arrivals: Sequence[Inbound]) -> list[_Entry] | LeaseLost:
        """One turn; nothing is changed before all its rows are known to take the token."""
        for arrival in arrivals:
            row = self._rows.find(arrival)
            if row is not None and arrival.token < row.lease_token and not _is_duplicate(row, arrival):
                return lost(f"message {row.id}", arrival.token, row.lease_token)
        entries: list[_Entry] = []
        for arrival in arrivals:
            entry = self._take_one(arrival)
            if any(other.row is entry.row for other in entries):
                entry = _Entry(entry.row, duplicate=True)
            entries.append(entry)
        self._gather([entry.row for entry in entries if entry.row.state == "received" and not entry.duplicate])
        return entries

    def _take_one(self, arrival: Inbound) -> _Entry:
        row = self._rows.find(arrival)
        if row is None:
            row = self._rows.begin(arrival)
            self._meet(row, arrival)
            return _Entry(row, duplicate=False)
        if _is_duplicate(row, arrival):
            return _Entry(row, duplicate=True)
        if row.state == "dead" and arrival.revived > row.revived:
            self._revive(row, arrival)
        if row.state == "received":
            self._resume(row, arrival)
        elif row.state == "handled":
            self._take_replies(row, arrival.token)
        return _Entry(row, duplicate=False)

    def _resume(self, row: Row, arrival: Inbound) -> None:
        """What was seen of it at an earlier attempt may be seen otherwise now: the present one counts."""
        row.envelope_id, row.revived, row.lease_token = arrival.envelope_id, arrival.revived, arrival.token
        if arrival.reason is not None:
            row.state, row.reason = "done", storable(arrival.reason)
        if arrival.person is None and row.contact_id is not None:
            row.contact_id = row.conversation_id = None
            self._tx.execute("DELETE_MESSAGE", (row.id,))
        elif row.contact_id is None:
            self._meet(row, arrival)
        self._rows.change(row, sender=arrival)

    def _take_replies(self, row: Row, token: int) -> None:
        if row.lease_token < token:
            row.lease_token = token
            self._rows.change(row)
            self._tx.execute("TAKE_REPLIES", (token, row.turn_id, token))

    def _revive(self, row: Row, arrival: Inbound) -> None:
        """Its turn's replies go out again; where there are none, its handler is asked again."""
        now = self._tx.now()
        row.revived, row.lease_token, row.attempts, row.reason = arrival.revived, arrival.token, 0, None
        replies = self._tx.execute("ALL_REPLIES", (row.turn_id,))
        if not replies:
            row.state = "received"
            return
        state = "handled" if any(sent != "sent" and later is None for _, sent, later in replies) else "done"
        self._tx.write("MESSAGE_PENDING", self._tx.execute("REVIVE_REPLIES", (arrival.token, now, row.turn_id)))
        self._tx.execute("REVIVE_TURN", (state, now, row.turn_id))
        for other in self._rows.of_turn(row.turn_id):
            if other.state == "dead":
                other.state, other.reason, other.attempts = state, None, 0
        self._rows.change(row)

    def _meet(self, row: Row, arrival: Inbound) -> None:
        """Find or make the customer; the message takes its place in the conversation."""
        now, organization_id = row.created_at, arrival.organization_id
        contact_id = self._people.contact(organization_id, arrival.person, now) if arrival.person is not None else None
        if contact_id is None:
            return
        conversation = self._people.conversation(organization_id, contact_id, arrival.instance_id, now)
        row.contact_id, row.conversation_id = contact_id, conversation.id
        self._conversations[conversation.id] = conversation
        self._touched[conversation.id] = now
        self._messages.append(
            (
                row.id,
                organization_id,
                conversation.id,
                arrival.instance_id,
                storable(arrival.message_id),
                storable(arrival.content),
                arrival.message_type,
                arrival.sender_phone,
                now,
            )
        )

    def _gather(self, received: Sequence[Row]) -> None:
        """They are one turn, named after the first of them."""
        if not received:
            return
        first = received[0]
        if not self._rows.is_new(first):
            self._tx.execute("LEAVE_TURN", (first.id, self._tx.array([row.id for row in received])))
        for row in received:
            row.turn_id = first.id

    def write(self) -> None:
        self._rows.write()
        self._tx.write("INSERT_INBOUND", self._messages)
        touched = [(at, id_) for id_, at in sorted(self._touched.items()) if id_ not in self._people.closed]
        for found in self._tx.confirm("TOUCH_CONVERSATION", touched):
            self._conversations[found[0]] = conversation_of(found)

    def told(self, entry: _Entry) -> Recorded:
        row = entry.row
        began_at = moment(self._rows.began_at(row))
        conversation = None if entry.duplicate else self._conversation(row.conversation_id)
        taken_over_at = conversation.taken_over_at if conversation is not None else None
        return Recorded(
            id=row.id,
            turn_id=row.turn_id,
            state=row.state,
            duplicate=entry.duplicate,
            reason=row.reason,
            contact_id=row.contact_id,
            conversation_id=row.conversation_id,
            ai_enabled=conversation is None or conversation.ai_enabled,
            taken_over=taken_over_at is not None and moment(taken_over_at) > began_at,
            began_at=began_at,
            replies=replies_of(self._tx, row.turn_id) if row.state == "handled" and not entry.duplicate else (),
        )

    def _conversation(self, id_: str | None) -> Conversation | None:
        if id_ is None:
            return None
        if id_ not in self._conversations:
            for found in self._tx.execute("CONVERSATION", (id_,)):
                self._conversations[id_] = conversation_of(found)
        return self._conversations.get(id_)


def _is_duplicate(row: Row, arrival: Inbound) -> bool:
    """State decides, not existence."""
    return row.envelope_id != arrival.envelope_id and row.state != "received"
