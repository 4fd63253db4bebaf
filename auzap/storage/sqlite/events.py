"""What happens beside turns: receipts, and people who take a conversation over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from auzap.storage.sqlite import statements as sql
from auzap.storage.sqlite.people import People
from auzap.storage.sqlite.times import right_now
from auzap.storage.sqlite.tx import Tx
from auzap.storage.store import Person

__all__ = ["Switch", "Ticket", "hand_back", "note_receipt", "take_over"]

#: of ``messages.status``, as ``RAISE_STATUS`` counts them
_RANKS = {"failed": 2, "delivered": 3, "read": 4}


@dataclass(frozen=True, slots=True)
class Ticket:
    """A receipt: what became of a message that left."""

    organization_id: str
    provider_id: str
    status: str


@dataclass(frozen=True, slots=True)
class Switch:
    """Who answers a person from now on.

    :param at: when a person took over; empty when it is handed back.
    """

    organization_id: str
    person: Person
    at: str = ""


def note_receipt(tx: Tx, tickets: Sequence[Ticket]) -> list[bool]:
    for one in tickets:
        if one.status in _RANKS:
            tx.execute(sql.RAISE_STATUS, (one.status, one.organization_id, one.provider_id, _RANKS[one.status]))
    return [bool(tx.execute(sql.IS_OURS, (one.organization_id, one.provider_id) * 2)) for one in tickets]


def take_over(tx: Tx, switches: Sequence[Switch]) -> list[bool]:
    """It counts from now on: turns that began before it was known here, and saw AI on, are under way."""
    now = right_now()
    return [_switch(tx, one, sql.TAKE_OVER, (max(one.at, now),)) for one in switches]


def hand_back(tx: Tx, switches: Sequence[Switch]) -> list[bool]:
    return [_switch(tx, one, sql.HAND_BACK, ()) for one in switches]


def _switch(tx: Tx, one: Switch, statement: str, params: tuple[str, ...]) -> bool:
    found = People(tx).active_conversations(one.organization_id, one.person)
    for conversation in found:
        tx.execute(statement, (*params, conversation.id))
    return bool(found)
