"""A transaction that is under way, as the steps see it: the same on every database, and on both roads into it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Literal, Protocol

from auzap.storage.records import NewRow

__all__ = ["Params", "Statement", "Tx"]

Params = Sequence[Any]

#: each database's ``statements`` says what they are in its language
Statement = Literal[
    "ACTIVATE",
    "ACTIVE_CONVERSATION",
    "ALL_REPLIES",
    "CANCEL_REPLIES",
    "CANCEL_REPLY",
    "CLAIM",
    "CLAIM_RUNS",
    "CLOSE_CONVERSATION",
    "CONTACTS_BY_PHONES",
    "CONTACT_BY_IDENTITY",
    "CONTACT_BY_PHONE",
    "CONTACT_PHONE",
    "CONVERSATION",
    "CREATED_AT",
    "DEACTIVATE",
    "DELETE_INBOX",
    "DELETE_MESSAGE",
    "DELETE_ONCE",
    "DELETE_OUTBOX",
    "DELETE_STATE",
    "DELETE_TRACES",
    "DUE",
    "END_TURN",
    "ENSURE_RUNS",
    "FENCES_OF_REPLIES",
    "FENCE_OF_REPLY",
    "FINISH_TURN",
    "FORGET_RUNS",
    "HAND_BACK",
    "HANDLE_TURN",
    "INBOX_BY_ENVELOPE",
    "INBOX_BY_KEYS",
    "INSERT_CONTACT",
    "INSERT_CONVERSATION",
    "INSERT_INBOUND",
    "INSERT_INBOX",
    "INSERT_INTERACTION",
    "INSERT_ONCE",
    "INSERT_OUTBOUND",
    "INSERT_OUTGOING",
    "INSERT_OWNER",
    "INSERT_REPLY",
    "INSERT_TRACE",
    "IS_OURS",
    "KEEP_RUN",
    "KILL_ROW",
    "KILL_TURN",
    "LAST_CHAT",
    "LEAVE_TURN",
    "LINK",
    "LINK_OWNER",
    "LOOK_AT_TURNS",
    "MESSAGE_FAILED",
    "MESSAGE_PENDING",
    "MESSAGE_SENT",
    "MOVE_CONVERSATION",
    "NAME_PHONE",
    "NEWEST_CONVERSATION",
    "NOTE_RUN",
    "OLD_INBOX",
    "OLD_OUTBOX",
    "OLD_STATES",
    "OLD_TRACES",
    "ONCE",
    "OURS",
    "OUTGOING",
    "OWNERS",
    "OWNER_LIDS",
    "OWNER_PHONES",
    "PEOPLE",
    "PUT_OFF_RUN",
    "QUEUED",
    "RAISE_STATUS",
    "REFUSED",
    "RELINK",
    "REPLIES_OF_TURN",
    "REPLY",
    "REVIVE_REPLIES",
    "REVIVE_REPLY",
    "REVIVE_TURN",
    "RUNS_DUE",
    "SENT",
    "SET_STATE",
    "STATE_OF",
    "STAY_SILENT",
    "TAKE_OVER",
    "TAKE_REPLIES",
    "TOUCH_CONVERSATION",
    "TRACES",
    "TURNS",
    "UNFINISHED",
    "UNSENT",
    "UPDATE_INBOX",
    "UPDATE_INBOX_SENDER",
    "WAITING",
]


class Tx(Protocol):
    """Times go in and come out as the database keeps them: they can be compared with one another, no more."""

    def now(self) -> Any:
        """The time by the clock that all who write to this database share."""
        ...

    def time(self, moment: datetime) -> Any:
        """:raises ValueError: the time has no zone."""
        ...

    def array(self, values: Sequence[str]) -> Any:
        """Several values as one parameter."""
        ...

    def execute(self, statement: Statement, params: Params = ()) -> Sequence[Any]:
        """All rows that it gives."""
        ...

    def select(self, statement: Statement, keys: Sequence[Params]) -> Sequence[Any]:
        """What is found for all keys."""
        ...

    def write(self, statement: Statement, rows: Sequence[Params]) -> None:
        """Done before the next statement that reads, at the latest at the end; each row of the table once."""
        ...

    def returning(self, statement: Statement, rows: Sequence[Params]) -> Sequence[Any]:
        """Change what these rows say, each row of the table once; all rows that it gives."""
        ...

    def confirm(self, statement: Statement, rows: Sequence[Params]) -> Sequence[Any]:
        """Change rows that were seen to be there, and tell how they are now.

        Where others write meanwhile, all begins anew if one of the rows is there no more. Where nobody else does,
        there is nothing to tell.
        """
        ...

    def alone(self, organizations: Collection[str]) -> bool:
        """From here to the end nobody else makes or joins people of these tenants.

        :return: whether others may have done so since this transaction began: what was read is to be read again.
        """
        ...

    def insert(self, rows: Sequence[NewRow]) -> None:
        """Plugins' records."""
        ...
