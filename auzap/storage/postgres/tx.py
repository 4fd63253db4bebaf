"""A transaction of Postgres's, on both roads into it: the group writer's and a plugin session's.

The steps are written without ``await``; here each statement hands the thread back to the event loop until the server
has answered. Writes wait for one another and go together: a round trip costs more than the statement.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy.util.concurrency import await_

from auzap.storage.postgres.clock import Clock
from auzap.storage.postgres.errors import Outdated
from auzap.storage.postgres.packing import packed
from auzap.storage.postgres.swift import Plan
from auzap.storage.postgres.texts import BLOCKS_OF, Texts
from auzap.storage.records import NewRow
from auzap.storage.steps.times import zoned
from auzap.storage.steps.tx import Params, Statement
from auzap.storage.texts import storable

if TYPE_CHECKING:
    from asyncpg import Connection

__all__ = ["ServerTx", "lock_key"]

#: their rows begin with the server's time
_CLOCKED: Final = frozenset({"INBOX_BY_KEYS", "TURNS"})
#: must see what was written before, or change what that changes too
_APART: Final = frozenset({"FINISH_TURN", "UPDATE_INBOX_SENDER"})
#: what makes rows that ``confirm`` looks for
_MAKES: Final = frozenset({"INSERT_CONVERSATION"})


class ServerTx:
    """
    :param insert: puts plugins' records into the same transaction.
    """

    def __init__(
        self, connection: Connection[Any], texts: Texts, clock: Clock, *, insert: Callable[[Sequence[NewRow]], None]
    ) -> None:
        self._connection = connection
        self._texts = texts
        self._clock = clock
        self._insert = insert
        self._waiting: dict[Statement, list[Params]] = {}
        self._alone: set[str] = set()

    def now(self) -> datetime:
        return self._clock.now()

    def time(self, moment: datetime) -> datetime:
        return zoned(moment)

    def array(self, values: Sequence[str]) -> list[str]:
        return list(values)

    def execute(self, statement: Statement, params: Params = ()) -> Sequence[Any]:
        self.flush()
        return self._fetch(self._texts.of(statement), [storable(p) if isinstance(p, str) else p for p in params])

    def select(self, statement: Statement, keys: Sequence[Params]) -> Sequence[Any]:
        if not keys:
            return ()
        self.flush()
        rows = self._fetch(self._texts.of(statement), packed(BLOCKS_OF[statement][0], sorted(keys, key=tuple)))
        if statement not in _CLOCKED:
            return rows
        self._clock.hear(rows[0][0])
        return [tuple(row)[1:] for row in rows if row[1] is not None]

    def write(self, statement: Statement, rows: Sequence[Params]) -> None:
        if not rows:
            return
        if statement in _APART:
            self.flush()
        self._waiting.setdefault(statement, []).extend(rows)

    def returning(self, statement: Statement, rows: Sequence[Params]) -> Sequence[Any]:
        if not rows:
            return ()
        self.write(statement, rows)
        return self.flush()

    def confirm(self, statement: Statement, rows: Sequence[Params]) -> Sequence[Any]:
        if not rows:
            return ()
        if _MAKES & self._waiting.keys():
            self.flush()
        self.write(statement, rows)
        found = self.flush()
        if len(found) != len(rows):
            raise Outdated(statement)
        return found

    def alone(self, organizations: Collection[str]) -> bool:
        new = set(organizations) - self._alone
        if not new:
            return False
        self.flush()
        self._fetch(self._texts.of("LOCK"), packed("b", sorted((lock_key("people", one),) for one in new)))
        self._alone |= new
        return True

    def insert(self, rows: Sequence[NewRow]) -> None:
        if rows:
            self.flush()
            self._insert([_stored(row) for row in rows])

    def swiftly(self, plan: Plan) -> list[Any]:
        """What became of each argument of a plan."""
        self.flush()
        return plan.results(self._fetch(self._texts.of(plan.statement), plan.parameters))

    def flush(self) -> Sequence[Any]:
        """Write what waits. The rows that the last of it gives."""
        if not self._waiting:
            return ()
        waiting, self._waiting = self._waiting, {}
        parameters = [text for statement, rows in waiting.items() for text in packed(BLOCKS_OF[statement][0], rows)]
        return self._fetch(self._texts.joined(tuple(waiting)), parameters)

    def _fetch(self, text: str, params: Params) -> Sequence[Any]:
        rows: Sequence[Any] = await_(self._connection.fetch(text, *params))
        return rows


def lock_key(what: str, organization_id: str) -> int:
    """Of an advisory lock, which every process names alike."""
    digest = hashlib.blake2b(f"auzap {what} {organization_id}".encode(errors="surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, signed=True)


def _stored(row: NewRow) -> NewRow:
    values = {name: storable(value) if isinstance(value, str) else value for name, value in row.values.items()}
    return NewRow(row.table, values)
