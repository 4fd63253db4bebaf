"""The floor: plain ``sqlite3`` in one thread, doing for every message the statements that the pipeline does for it.

The same tables, the same statements, the same number of transactions at a given concurrency; nothing else: no event
loop, no JSON, no HTTP, no hooks, no log.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from sqlite3 import Connection

from auzap.model.keys import new_id
from auzap.queues.sqlite.rows import COLUMNS
from auzap.sqlite import connect
from auzap.storage.sqlite import statements as sql
from auzap.storage.sqlite.times import right_now

__all__ = ["STATEMENTS", "Cost", "run"]

#: statements a message, BEGIN and COMMIT not counted
STATEMENTS = 18

Cost = tuple[float, float]


def run(database: Path, queue: Path, *, contacts: int, concurrency: int) -> Cost:
    """Work the messages of a filled queue file into a new database.

    :return: seconds, and seconds of CPU.
    """
    store, lanes = connect(database, busy=5), connect(queue, busy=5)
    jobs = lanes.execute("SELECT pos, id, lane, dedupe FROM envelopes ORDER BY pos").fetchall()
    people = _people(store, contacts)
    began, cpu = time.monotonic(), time.process_time()
    for number, group in enumerate(_groups(jobs, concurrency)):
        _group(store, lanes, group, people, number)
    store.close()
    lanes.close()
    return time.monotonic() - began, time.process_time() - cpu


def _people(store: Connection, contacts: int) -> list[tuple[str, str, str]]:
    """Phone, contact and conversation of each."""
    now = right_now()
    made = [(f"5511{900000000 + number}", new_id(), new_id()) for number in range(contacts)]

    def write() -> None:
        for phone, contact, conversation in made:
            store.execute(sql.INSERT_CONTACT, (contact, "shop", phone, phone, now, now))
            store.execute(sql.LINK, ("shop", "phone", phone, contact))
            store.execute(sql.INSERT_CONVERSATION, (conversation, "shop", "main", contact, now, now, now))
            store.execute(sql.ACTIVATE, ("shop", contact, conversation))

    _transaction(store, write)
    return made


def _groups(jobs: Sequence[tuple[int, str, str, str]], size: int) -> Iterator[list[tuple[int, str, str, str]]]:
    waiting = iter(jobs)
    while group := list(islice(waiting, size)):
        yield group


def _transaction(connection: Connection, write: Callable[[], None]) -> None:
    connection.execute("BEGIN IMMEDIATE")
    write()
    connection.execute("COMMIT")


def _group(
    store: Connection,
    lanes: Connection,
    jobs: list[tuple[int, str, str, str]],
    people: list[tuple[str, str, str]],
    number: int,
) -> None:
    now, text = right_now(), "Oi! Tem horário amanhã de manhã?"
    rows = [
        (job, people[(number * len(jobs) + place) % len(people)], new_id(), new_id()) for place, job in enumerate(jobs)
    ]

    def lease() -> None:
        for (_, _, lane, _), *_ in rows:
            lanes.execute(
                f"SELECT pos, {COLUMNS} FROM envelopes WHERE lane = ? AND state = 'waiting' ORDER BY pos LIMIT 1",
                (lane,),
            ).fetchall()
            lanes.execute("UPDATE lanes SET due = ?, token = ?, upto = 1 WHERE lane = ?", (0, number, lane))

    def record() -> None:
        for (_, _, _, dedupe), (phone, *_), _, _ in rows:
            store.execute(sql.INBOX_BY_KEYS, ("shop", dedupe)).fetchall()
            store.execute(sql.PEOPLE, ("shop", "phone", phone)).fetchall()
        store.executemany(
            sql.INSERT_INBOX,
            [
                (
                    *(inbox, inbox, "received", None, number, 0, 0, job[1], contact, conversation, now, now),
                    *("shop", "main", job[3], f"{phone}@s.whatsapp.net", job[1], "text", None, "client", phone, now),
                )
                for job, (phone, contact, conversation), inbox, _ in rows
            ],
        )
        store.executemany(
            sql.INSERT_INBOUND,
            [
                (inbox, "shop", conversation, "main", job[1], text, "text", phone, now)
                for job, (phone, _, conversation), inbox, _ in rows
            ],
        )
        store.executemany(sql.TOUCH_CONVERSATION, [(now, conversation) for _, (_, _, conversation), _, _ in rows])

    def persist() -> None:
        for _, _, inbox, _ in rows:
            store.execute(sql.TURNS, (inbox,)).fetchall()
        store.executemany(
            sql.INSERT_REPLY,
            [
                (
                    *(outbox, "shop", "main", inbox, 0, f"{phone}@s.whatsapp.net", text, conv, "sending"),
                    *(number, None, now, now, "v1"),
                )
                for _, (phone, _, conv), inbox, outbox in rows
            ],
        )
        store.executemany(
            sql.INSERT_OUTBOUND,
            [(outbox, "shop", conv, "main", text, now) for _, (_, _, conv), _, outbox in rows],
        )
        store.executemany(
            sql.INSERT_INTERACTION,
            [
                (new_id(), "shop", conv, job[1], text, text, "general", "neutral", 0.8, "rules", now)
                for job, (_, _, conv), _, _ in rows
            ],
        )
        store.executemany(
            sql.HANDLE_TURN, [("handled", None, "client_ai", 1, number, now, inbox) for _, _, inbox, _ in rows]
        )

    def sent() -> None:
        for *_, outbox in rows:
            store.execute(sql.FENCES_OF_REPLIES, (outbox,)).fetchall()
        store.executemany(sql.SENT, [(f"OUT{outbox}", number, now, outbox) for *_, outbox in rows])
        store.executemany(sql.MESSAGE_SENT, [(f"OUT{outbox}", outbox) for *_, outbox in rows])
        store.executemany(sql.FINISH_TURN, [(now, inbox) for _, _, inbox, _ in rows])

    def ack() -> None:
        for (_, envelope, lane, _), *_ in rows:
            lanes.execute("SELECT upto FROM lanes WHERE lane = ? AND token = ?", (lane, number)).fetchall()
            lanes.execute("DELETE FROM envelopes WHERE id = ?", (envelope,))
            lanes.execute(
                "SELECT pos FROM envelopes WHERE lane = ? AND state = 'waiting' ORDER BY pos LIMIT 1", (lane,)
            ).fetchall()

    _transaction(lanes, lease)
    for step in (record, persist, sent):
        _transaction(store, step)
    _transaction(lanes, ack)
