"""Real databases for tests, and what turns are made of."""

from __future__ import annotations

import itertools
import shutil
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlmodel import SQLModel

from auzap.model.keys import new_id
from auzap.model.reply import Interaction
from auzap.storage import open_store
from auzap.storage.migrate import PluginTables, upgrade
from auzap.storage.store import Decision, Inbound, NewReply, Person, Recorded, Store
from tests.support.pets import Breed, Pet, Tag, Tagged, Visit

__all__ = ["CUSTOMER", "DATABASES", "TENANT", "Database", "arrival", "decision", "fresh_database"]

DATABASES = ("sqlite",)
TENANT = "abc123"
CUSTOMER = Person(phone="5511900000010", lid=None, name="Bia")
_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Database:
    """One database of a test's own, with auzap's tables."""

    url: str
    folder: Path

    def open(self, *, before_commit: Callable[[], None] = lambda: None, busy: float = 5.0) -> Store:
        return open_store(self.url, self.folder, before_commit=before_commit, busy=busy)

    @property
    def file(self) -> Path:
        return self.folder / self.url.removeprefix("sqlite:///")

    def connect(self) -> sqlite3.Connection:
        """Somebody else, at the same file."""
        connection = sqlite3.connect(self.file, isolation_level=None, timeout=5)
        connection.row_factory = sqlite3.Row
        return connection

    def rows(self, sql: str, *params: Any) -> list[dict[str, Any]]:
        with closing(self.connect()) as connection:
            return [dict(row) for row in connection.execute(sql, params)]

    def one(self, sql: str, *params: Any) -> dict[str, Any]:
        (row,) = self.rows(sql, *params)
        return row

    def count(self, table: str, where: str = "1") -> int:
        return int(self.one(f"SELECT count(*) AS n FROM {table} WHERE {where}")["n"])


def fresh_database(kind: str, folder: Path, templates: Path) -> Database:
    """:param templates: where the first one of a run is kept; the others are copies of it."""
    assert kind in DATABASES
    template = templates / "template.db"
    if not template.exists():
        upgrade(
            "sqlite:///template.db", templates, [PluginTables("auzap-pets", None, (Breed, Pet, Tag, Tagged, Visit))]
        )
        with closing(sqlite3.connect(template)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copy(template, folder / "auzap.db")
    return Database("sqlite:///auzap.db", folder)


def arrival(
    key: str | None = None,
    *,
    organization_id: str = TENANT,
    envelope_id: str | None = None,
    revived: int = 0,
    token: int = 1,
    content: str | None = "Oi",
    person: Person | None = CUSTOMER,
    reason: str | None = None,
    sender_role: str | None = "client",
    instance_id: str = "main",
    message_id: str | None = None,
    keyless: bool = False,
) -> Inbound:
    """A message of a customer's; of another envelope and key each time, unless told."""
    number = next(_numbers)
    return Inbound(
        organization_id=organization_id,
        instance_id=instance_id,
        envelope_id=envelope_id or new_id(),
        dedupe_key=None if keyless else key or f"key-{number}",
        revived=revived,
        token=token,
        chat_id="5511900000010@s.whatsapp.net",
        message_id=message_id or f"3EB0{number:08X}",
        message_type="text",
        content=content,
        sender_role=sender_role,
        sender_phone=person.phone or person.lid if person is not None else "5511900000001",
        person=person,
        reason=reason,
        accepted_at=datetime.now(UTC),
    )


def decision(
    recorded: Recorded,
    *texts: str | NewReply,
    organization_id: str = TENANT,
    token: int = 1,
    records: Sequence[SQLModel] = (),
    interaction: Interaction | None = None,
    reason: str | None = None,
    attempts: int = 1,
) -> Decision:
    """An outcome of the turn that this message belongs to."""
    return Decision(
        organization_id=organization_id,
        instance_id="main",
        turn_id=recorded.turn_id,
        token=token,
        chat_id="5511900000010@s.whatsapp.net",
        conversation_id=recorded.conversation_id,
        message_id="3EB0C0FFEE",
        replies=tuple(NewReply(text, None) if isinstance(text, str) else text for text in texts),
        records=tuple(records),
        interaction=interaction,
        reason=reason,
        answered_by="client_ai",
        attempts=attempts,
    )
