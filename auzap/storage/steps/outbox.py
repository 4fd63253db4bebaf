"""Sending: claimed first, noted after. And the end of turns that are given up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from auzap.model.errors import LeaseLost
from auzap.storage.steps.fences import fence_turn, lost
from auzap.storage.steps.tx import Tx
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
    now = tx.now()
    firsts: dict[str, Claiming] = {}
    for one in claims:
        firsts.setdefault(one.reply_id, one)
    claimed = _claimed(tx, list(firsts.values()), now)
    return [
        _claim(tx, one, now, claimed if firsts[one.reply_id] is one else _claimed(tx, [one], now)) for one in claims
    ]


def _claimed(tx: Tx, claims: Sequence[Claiming], now: Any) -> set[str]:
    """Those of the replies that may leave."""
    rows = [(one.token, now, one.reply_id, one.token, tx.time(one.began_at)) for one in claims]
    return {id_ for (id_,) in tx.returning("CLAIM", rows)}


def _claim(tx: Tx, one: Claiming, now: Any, claimed: set[str]) -> Claim | LeaseLost:
    if one.reply_id in claimed:
        return "claimed"
    row = _reply(tx, one.reply_id, one.token)
    if isinstance(row, LeaseLost):
        return row
    if row is None or row.state not in _OPEN:
        return "settled"
    if row.turn_id is None:
        cancelled = tx.execute("CANCEL_REPLY", ("taken_over", now, one.reply_id))
    else:
        cancelled = tx.execute("CANCEL_REPLIES", ("taken_over", now, row.turn_id, -1))
        tx.execute("END_TURN", ("done", "taken_over", now, row.turn_id))
    tx.write("MESSAGE_FAILED", cancelled)
    return "taken_over"


def note_sent(tx: Tx, notes: Sequence[Sent]) -> list[Exception | None]:
    now = tx.now()
    found = tx.select("FENCES_OF_REPLIES", [(one,) for one in {note.reply_id for note in notes}])
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
    tx.write("SENT", [(note.provider_id, note.token, now, id_) for id_, note in sent.items()])
    tx.write("MESSAGE_SENT", [(note.provider_id, id_) for id_, note in sent.items()])
    tx.write("FINISH_TURN", [(now, turn_id) for turn_id in turns if turn_id is not None])
    return answers


def note_unsent(tx: Tx, notes: Sequence[Unsent]) -> list[int | Exception]:
    return [_unsent(tx, note, tx.now()) for note in notes]


def _unsent(tx: Tx, note: Unsent, now: Any) -> int | LeaseLost:
    changed = tx.execute("UNSENT", (note.attempt, storable(note.reason), note.token, now, note.reply_id, note.token))
    if changed:
        return int(changed[0][0])
    row = _reply(tx, note.reply_id, note.token)
    if isinstance(row, LeaseLost):
        return row
    return row.attempts if row is not None else 0


def note_refused(tx: Tx, notes: Sequence[Refusal]) -> list[Exception | None]:
    return [_refused(tx, note, tx.now()) for note in notes]


def _refused(tx: Tx, note: Refusal, now: Any) -> LeaseLost | None:
    reason = storable(note.reason)
    changed = tx.execute("REFUSED", (reason, note.token, now, note.reply_id, note.token))
    if not changed:
        return _lost_or_none(tx, note.reply_id, note.token)
    failed = [(note.reply_id,)]
    turn_id, ordinal, not_before = changed[0]
    if turn_id is not None:
        failed += tx.execute("CANCEL_REPLIES", ("an earlier reply failed", now, turn_id, ordinal))
        if not_before is None:
            tx.execute("END_TURN", ("dead", reason, now, turn_id))
    tx.write("MESSAGE_FAILED", failed)
    return None


def revive_reply(tx: Tx, revivals: Sequence[Revival]) -> list[Exception | None]:
    return [_revive(tx, one, tx.now()) for one in revivals]


def _revive(tx: Tx, one: Revival, now: Any) -> LeaseLost | None:
    revived = tx.execute("REVIVE_REPLY", (one.token, now, one.reply_id, one.token))
    tx.write("MESSAGE_PENDING", revived)
    return None if revived else _lost_or_none(tx, one.reply_id, one.token)


def note_dead(tx: Tx, deaths: Sequence[Death]) -> list[Exception | None]:
    return [_dead(tx, death, tx.now()) for death in deaths]


def _dead(tx: Tx, death: Death, now: Any) -> LeaseLost | None:
    state = fence_turn(tx, death.turn_id, death.token)
    if isinstance(state, LeaseLost):
        return state
    if state in ("received", "handled"):
        reason = storable(death.reason)
        tx.execute("KILL_TURN", (reason, death.attempts, death.token, now, death.turn_id))
        cancelled = tx.execute("CANCEL_REPLIES", (reason, now, death.turn_id, -1))
        tx.write("MESSAGE_FAILED", cancelled)
    return None


def note_buried(tx: Tx, graves: Sequence[Grave]) -> list[Exception | None]:
    return [_buried(tx, grave, tx.now()) for grave in graves]


def _buried(tx: Tx, grave: Grave, now: Any) -> LeaseLost | None:
    for row_id, turn_id, state, newest in tx.execute(
        "UNFINISHED", (grave.organization_id, grave.dedupe_key, grave.envelope_id)
    ):
        if state == "handled":
            return _dead(tx, Death(turn_id, grave.token, grave.reason, attempts=0), now)
        if grave.token < newest:
            return lost(f"message {row_id}", grave.token, newest)
        tx.execute("KILL_ROW", (storable(grave.reason), grave.token, now, row_id))
    return None


def note_queued(tx: Tx, batches: Sequence[Sequence[str]]) -> list[None]:
    now = tx.now()
    tx.write("QUEUED", [(now, reply_id) for batch in batches for reply_id in batch])
    return [None] * len(batches)


@dataclass(frozen=True, slots=True)
class _Reply:
    token: int
    state: str
    attempts: int
    turn_id: str | None


def _reply(tx: Tx, reply_id: str, token: int) -> _Reply | LeaseLost | None:
    """None when it was removed."""
    rows = tx.execute("FENCE_OF_REPLY", (reply_id,))
    if not rows:
        return None
    row = _Reply(*rows[0])
    return lost(f"reply {reply_id}", token, row.token) if token < row.token else row


def _lost_or_none(tx: Tx, reply_id: str, token: int) -> LeaseLost | None:
    row = _reply(tx, reply_id, token)
    return row if isinstance(row, LeaseLost) else None
