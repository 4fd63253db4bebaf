"""Sending: claimed first, noted after. And the end of turns that are given up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from auzap.model.errors import LeaseLost
from auzap.storage.sqlite import statements as sql
from auzap.storage.sqlite.fences import fence_turn, lost
from auzap.storage.sqlite.times import right_now, stamp
from auzap.storage.sqlite.tx import Tx
from auzap.storage.store import Claim
from auzap.storage.texts import storable

__all__ = [
    "Claiming",
    "Death",
    "Grave",
    "Refusal",
    "Revival",
    "Sent",
    "Unsent",
    "claim",
    "note_buried",
    "note_dead",
    "note_queued",
    "note_refused",
    "note_sent",
    "note_unsent",
    "revive_reply",
]

_OPEN = ("pending", "sending")


@dataclass(frozen=True, slots=True)
class Claiming:
    reply_id: str
    token: int
    began_at: datetime


@dataclass(frozen=True, slots=True)
class Sent:
    reply_id: str
    token: int
    provider_id: str | None


@dataclass(frozen=True, slots=True)
class Unsent:
    reply_id: str
    token: int
    reason: str
    attempt: bool


@dataclass(frozen=True, slots=True)
class Refusal:
    reply_id: str
    token: int
    reason: str


@dataclass(frozen=True, slots=True)
class Revival:
    reply_id: str
    token: int


@dataclass(frozen=True, slots=True)
class Death:
    turn_id: str
    token: int
    reason: str
    attempts: int


@dataclass(frozen=True, slots=True)
class Grave:
    """An envelope that was given up, whatever is known of its message."""

    organization_id: str
    envelope_id: str
    dedupe_key: str | None
    token: int
    reason: str


def claim(tx: Tx, claims: Sequence[Claiming]) -> list[Claim | Exception]:
    now = right_now()
    return [_claim(tx, one, now) for one in claims]


def _claim(tx: Tx, one: Claiming, now: str) -> Claim | LeaseLost:
    if tx.execute(sql.CLAIM, (one.token, now, one.reply_id, one.token, stamp(one.began_at))):
        return "claimed"
    row = _reply(tx, one.reply_id, one.token)
    if isinstance(row, LeaseLost):
        return row
    if row is None or row.state not in _OPEN:
        return "settled"
    if row.turn_id is None:
        cancelled = tx.execute(sql.CANCEL_REPLY, ("taken_over", now, one.reply_id))
    else:
        cancelled = tx.execute(sql.CANCEL_REPLIES, ("taken_over", now, row.turn_id, -1))
        tx.execute(sql.END_TURN, ("done", "taken_over", now, row.turn_id))
    tx.executemany(sql.MESSAGE_FAILED, cancelled)
    return "taken_over"


def note_sent(tx: Tx, notes: Sequence[Sent]) -> list[Exception | None]:
    now = right_now()
    found = tx.select(sql.FENCES_OF_REPLIES, [(one,) for one in {note.reply_id for note in notes}])
    replies = {id_: _Reply(*fence) for id_, *fence in found}
    answers: list[Exception | None] = []
    sent: dict[str, Sent] = {}
    for note in notes:
        reply = replies.get(note.reply_id)
        if reply is not None and note.token < reply.token:
            answers.append(lost(f"reply {note.reply_id}", note.token, reply.token))
            continue
        answers.append(None)
        if reply is not None and reply.state != "sent":
            sent[note.reply_id] = note
    turns = {replies[id_].turn_id for id_ in sent}
    tx.executemany(sql.SENT, [(note.provider_id, note.token, now, id_) for id_, note in sent.items()])
    tx.executemany(sql.MESSAGE_SENT, [(note.provider_id, id_) for id_, note in sent.items()])
    tx.executemany(sql.FINISH_TURN, [(now, turn_id) for turn_id in turns if turn_id is not None])
    return answers


def note_unsent(tx: Tx, notes: Sequence[Unsent]) -> list[int | Exception]:
    return [_unsent(tx, note, right_now()) for note in notes]


def _unsent(tx: Tx, note: Unsent, now: str) -> int | LeaseLost:
    changed = tx.execute(sql.UNSENT, (note.attempt, storable(note.reason), note.token, now, note.reply_id, note.token))
    if changed:
        return int(changed[0][0])
    row = _reply(tx, note.reply_id, note.token)
    if isinstance(row, LeaseLost):
        return row
    return row.attempts if row is not None else 0


def note_refused(tx: Tx, notes: Sequence[Refusal]) -> list[Exception | None]:
    return [_refused(tx, note, right_now()) for note in notes]


def _refused(tx: Tx, note: Refusal, now: str) -> LeaseLost | None:
    reason = storable(note.reason)
    changed = tx.execute(sql.REFUSED, (reason, note.token, now, note.reply_id, note.token))
    if not changed:
        return _lost_or_none(tx, note.reply_id, note.token)
    failed = [(note.reply_id,)]
    turn_id, ordinal, not_before = changed[0]
    if turn_id is not None:
        failed += tx.execute(sql.CANCEL_REPLIES, ("an earlier reply failed", now, turn_id, ordinal))
        if not_before is None:
            tx.execute(sql.END_TURN, ("dead", reason, now, turn_id))
    tx.executemany(sql.MESSAGE_FAILED, failed)
    return None


def revive_reply(tx: Tx, revivals: Sequence[Revival]) -> list[Exception | None]:
    return [_revive(tx, one, right_now()) for one in revivals]


def _revive(tx: Tx, one: Revival, now: str) -> LeaseLost | None:
    revived = tx.execute(sql.REVIVE_REPLY, (one.token, now, one.reply_id, one.token))
    tx.executemany(sql.MESSAGE_PENDING, revived)
    return None if revived else _lost_or_none(tx, one.reply_id, one.token)


def note_dead(tx: Tx, deaths: Sequence[Death]) -> list[Exception | None]:
    return [_dead(tx, death, right_now()) for death in deaths]


def _dead(tx: Tx, death: Death, now: str) -> LeaseLost | None:
    state = fence_turn(tx, death.turn_id, death.token)
    if isinstance(state, LeaseLost):
        return state
    if state in ("received", "handled"):
        reason = storable(death.reason)
        tx.execute(sql.KILL_TURN, (reason, death.attempts, death.token, now, death.turn_id))
        cancelled = tx.execute(sql.CANCEL_REPLIES, (reason, now, death.turn_id, -1))
        tx.executemany(sql.MESSAGE_FAILED, cancelled)
    return None


def note_buried(tx: Tx, graves: Sequence[Grave]) -> list[Exception | None]:
    return [_buried(tx, grave, right_now()) for grave in graves]


def _buried(tx: Tx, grave: Grave, now: str) -> LeaseLost | None:
    for row_id, turn_id, state, newest in tx.execute(
        sql.UNFINISHED, (grave.organization_id, grave.dedupe_key, grave.envelope_id)
    ):
        if state == "handled":
            return _dead(tx, Death(turn_id, grave.token, grave.reason, attempts=0), now)
        if grave.token < newest:
            return lost(f"message {row_id}", grave.token, newest)
        tx.execute(sql.KILL_ROW, (storable(grave.reason), grave.token, now, row_id))
    return None


def note_queued(tx: Tx, batches: Sequence[Sequence[str]]) -> list[None]:
    now = right_now()
    tx.executemany(sql.QUEUED, [(now, reply_id) for batch in batches for reply_id in batch])
    return [None] * len(batches)


@dataclass(frozen=True, slots=True)
class _Reply:
    token: int
    state: str
    attempts: int
    turn_id: str | None


def _reply(tx: Tx, reply_id: str, token: int) -> _Reply | LeaseLost | None:
    """None when it was removed."""
    rows = tx.execute(sql.FENCE_OF_REPLY, (reply_id,))
    if not rows:
        return None
    row = _Reply(*rows[0])
    return lost(f"reply {reply_id}", token, row.token) if token < row.token else row


def _lost_or_none(tx: Tx, reply_id: str, token: int) -> LeaseLost | None:
    row = _reply(tx, reply_id, token)
    return row if isinstance(row, LeaseLost) else None
