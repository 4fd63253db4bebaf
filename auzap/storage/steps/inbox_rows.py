"""Rows of the inbox in one transaction: read when first asked for, changed in memory, written together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass
from typing import Any

from auzap.model.keys import new_id
from auzap.storage.steps.tx import Tx
from auzap.storage.store import Inbound
from auzap.storage.texts import storable

__all__ = ["InboxRows", "Row"]


@dataclass(slots=True, eq=False)
class Row:
    """What may change of a row, in the order of the statements."""

    id: str
    turn_id: str
    state: str
    reason: str | None
    lease_token: int
    revived: int
    attempts: int
    envelope_id: str
    contact_id: str | None
    conversation_id: str | None
    created_at: Any


class InboxRows:
    """What one turn of the group changed, the next one sees."""

    def __init__(self, tx: Tx) -> None:
        self._tx = tx
        self._by_key: dict[tuple[str, str | None, str | None], Row] = {}
        #: were looked up, and not there
        self._absent: set[tuple[str, str | None, str | None]] = set()
        self._by_id: dict[str, Row] = {}
        self._new: dict[str, tuple[Row, Inbound]] = {}
        self._changed: dict[str, Row] = {}
        self._senders: dict[str, Inbound] = {}

    def look_up(self, arrivals: Iterable[Inbound]) -> None:
        """Read all rows of a group at once."""
        keys = {_key(arrival) for arrival in arrivals if arrival.dedupe_key is not None}
        for organization_id, dedupe_key, *columns in self._tx.select("INBOX_BY_KEYS", [key[:2] for key in keys]):
            self._keep((organization_id, dedupe_key, None), Row(*columns))
        self._absent |= keys - self._by_key.keys()

    def find(self, arrival: Inbound) -> Row | None:
        key = _key(arrival)
        row = self._by_key.get(key)
        if row is None and key not in self._absent:
            for found in self._tx.execute("INBOX_BY_ENVELOPE", (arrival.organization_id, arrival.envelope_id)):
                row = self._keep(key, Row(*found))
        return row

    def _keep(self, key: tuple[str, str | None, str | None], row: Row) -> Row:
        self._by_key[key] = self._by_id[row.id] = row
        return row

    def begin(self, arrival: Inbound) -> Row:
        """A message that was never seen."""
        id_ = new_id()
        row = Row(
            id=id_,
            turn_id=id_,
            state="received" if arrival.reason is None else "done",
            reason=storable(arrival.reason),
            lease_token=arrival.token,
            revived=arrival.revived,
            attempts=0,
            envelope_id=arrival.envelope_id,
            contact_id=None,
            conversation_id=None,
            created_at=self._tx.now(),
        )
        self._keep(_key(arrival), row)
        self._new[id_] = (row, arrival)
        return row

    def change(self, row: Row, *, sender: Inbound | None = None) -> None:
        """Have it written.

        :param sender: the arrival that says now who wrote it.
        """
        self._changed[row.id] = row
        if sender is not None:
            self._senders[row.id] = sender

    def is_new(self, row: Row) -> bool:
        return row.id in self._new

    def of_turn(self, turn_id: str) -> Iterator[Row]:
        """Those of a turn that were read or made here."""
        return (row for row in self._by_id.values() if row.turn_id == turn_id)

    def began_at(self, row: Row) -> Any:
        """When the first message of its turn came."""
        first = self._by_id.get(row.turn_id)
        if first is not None:
            return first.created_at
        found = self._tx.execute("CREATED_AT", (row.turn_id,))
        return found[0][0] if found else row.created_at

    def write(self) -> None:
        now = self._tx.now()
        self._tx.write("INSERT_INBOX", [self._new_params(row, arrival, now) for row, arrival in self._new.values()])
        self._tx.write("UPDATE_INBOX", [(*astuple(row)[1:-1], now, row.id) for row in self._changed.values()])
        self._tx.write(
            "UPDATE_INBOX_SENDER",
            [_sender_params(self._by_id[id_], arrival) for id_, arrival in self._senders.items()],
        )

    def _new_params(self, row: Row, arrival: Inbound, now: Any) -> tuple[Any, ...]:
        return (
            row.id,
            row.turn_id,
            row.state,
            row.reason,
            row.lease_token,
            row.revived,
            row.attempts,
            row.envelope_id,
            row.contact_id,
            row.conversation_id,
            row.created_at,
            now,
            arrival.organization_id,
            arrival.instance_id,
            storable(arrival.dedupe_key),
            arrival.chat_id,
            storable(arrival.message_id),
            arrival.message_type,
            _content(row, arrival),
            arrival.sender_role,
            arrival.sender_phone,
            self._tx.time(arrival.accepted_at),
        )


def _key(arrival: Inbound) -> tuple[str, str | None, str | None]:
    """What has no dedupe key is known by its envelope alone."""
    envelope_id = arrival.envelope_id if arrival.dedupe_key is None else None
    return arrival.organization_id, storable(arrival.dedupe_key), envelope_id


def _content(row: Row, arrival: Inbound) -> str | None:
    """What a customer wrote stands in ``messages``."""
    return storable(arrival.content) if row.contact_id is None else None


def _sender_params(row: Row, arrival: Inbound) -> tuple[Any, ...]:
    return _content(row, arrival), arrival.sender_role, arrival.sender_phone, row.id
