"""What happens beside turns: receipts, and people who take a conversation over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from auzap.storage.steps.people import People
from auzap.storage.steps.tx import Params, Statement, Tx
from auzap.storage.store import Person

__all__ = ["Switch", "Ticket", "hand_back", "note_receipt", "take_over"]

#: of ``messages.status``, as ``RAISE_STATUS`` counts them
_RANKS = {"failed": 2, "delivered": 3, "read": 4}
_STATUSES = {rank: status for status, rank in _RANKS.items()}


@dataclass(frozen=True, slots=True)
class Ticket:
    """A receipt: what became of a message that left."""

    organization_id: str
    provider_id: str
    status: str


@dataclass(frozen=True, slots=True)
class Switch:
    """Who answers a person from now on.

    :param at: when a person took over; None when it is handed back.
    """

    organization_id: str
    person: Person
    at: datetime | None = None


def note_receipt(tx: Tx, tickets: Sequence[Ticket]) -> list[bool]:
    """Of several receipts of one message the highest counts: a status only rises."""
    ranks: dict[tuple[str, str], int] = {}
    for one in tickets:
        if one.status in _RANKS:
            key = one.organization_id, one.provider_id
            ranks[key] = max(ranks.get(key, 0), _RANKS[one.status])
    tx.write("RAISE_STATUS", [(_STATUSES[rank], *key, rank) for key, rank in ranks.items()])
    ours = tx.select("OURS", list({(one.organization_id, one.provider_id) for one in tickets}))
    known = {(organization_id, provider_id) for organization_id, provider_id in ours}
    return [(one.organization_id, one.provider_id) in known for one in tickets]


def take_over(tx: Tx, switches: Sequence[Switch]) -> list[bool]:
    """It counts from now on: turns that began before it was known here, and saw AI on, are under way."""
    now = tx.now()
    return [_switch(tx, one, "TAKE_OVER", (max(tx.time(one.at), now),) if one.at else (now,)) for one in switches]


def hand_back(tx: Tx, switches: Sequence[Switch]) -> list[bool]:
    return [_switch(tx, one, "HAND_BACK", ()) for one in switches]


def _switch(tx: Tx, one: Switch, statement: Statement, params: Params) -> bool:
    tx.alone([one.organization_id])
    found = People(tx).active_conversations(one.organization_id, one.person)
    for conversation in found:
        tx.execute(statement, (*params, conversation.id))
    return bool(found)
