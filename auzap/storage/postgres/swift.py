"""The steps that every message takes, in one statement each: the decision is taken by the server, for many at once.

Whatever is out of the ordinary (a message that was seen before, somebody new, a turn that was leased again, plugins'
records, what they remember) is left to ``auzap.storage.steps``, which decides the same in more statements.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from auzap.model.keys import new_id
from auzap.model.reply import Interaction
from auzap.storage.postgres.packing import packed
from auzap.storage.postgres.texts import BLOCKS_OF
from auzap.storage.steps import outbox
from auzap.storage.steps.inbox import record
from auzap.storage.steps.outcome import persist
from auzap.storage.steps.people import addresses_of
from auzap.storage.store import Decision, Inbound, Recorded, StoredReply
from auzap.storage.texts import storable

__all__ = ["LEFT", "SWIFT", "Plan"]

Rows = Sequence[Sequence[Any]]


class _Left:
    """In the place of a result: it goes the long way."""


LEFT: Final = _Left()


@dataclass(frozen=True, slots=True)
class Plan:
    """One statement for many arguments."""

    statement: str
    #: the rows that it is given, a block each
    blocks: Sequence[Rows]
    #: what became of each argument, of the rows that it gives
    results: Callable[[Sequence[Any]], list[Any]]

    @property
    def parameters(self) -> list[str]:
        kinds = BLOCKS_OF[self.statement]
        return [text for one, rows in zip(kinds, self.blocks, strict=True) for text in packed(one, rows)]


def _record(turns: Sequence[Sequence[Inbound]], _: datetime) -> Plan:
    ids: dict[tuple[str, str | None], str] = {}
    rows: list[tuple[Any, ...]] = []
    mine: list[str | None] = []
    for arrivals in turns:
        mine.append(None)
        if len(arrivals) == 1 and _is_plain(arrivals[0]):
            (one,) = arrivals
            key = one.organization_id, storable(one.dedupe_key)
            if key not in ids:
                mine[-1] = ids[key] = new_id()
                rows.append(_arrival(ids[key], one))

    def results(found: Sequence[Any]) -> list[Any]:
        told = {row[0]: row for row in found if row[0] is not None}
        conversations = {row[2]: row for row in found if row[0] is None}
        return [
            [_recorded(told[id_], arrivals[0], conversations)] if id_ in told else LEFT
            for id_, arrivals in zip(mine, turns, strict=True)
        ]

    return Plan("RECORD", [rows], results)


def _is_plain(one: Inbound) -> bool:
    return one.dedupe_key is not None and (one.person is None or bool(one.person.phone or one.person.lid))


def _arrival(id_: str, one: Inbound) -> tuple[Any, ...]:
    person = one.person
    addresses = [part for known in addresses_of(person) for part in (known.kind, known.value)] if person else []
    padding = [None] * (4 - len(addresses))
    return (
        id_,
        "received" if one.reason is None else "done",
        one.reason,
        one.token,
        one.revived,
        one.envelope_id,
        one.organization_id,
        one.instance_id,
        one.dedupe_key,
        one.chat_id,
        one.message_id,
        one.message_type,
        one.content,
        one.sender_role,
        one.sender_phone,
        one.accepted_at,
        *addresses,
        *padding,
        int(bool(person and person.phone)),
    )


def _recorded(row: Any, one: Inbound, conversations: Mapping[str, Any]) -> Recorded:
    id_, contact_id, conversation_id, created_at, _ = row
    *_, taken_over_at, ai_enabled = conversations[conversation_id] if conversation_id is not None else (None, True)
    return Recorded(
        id=id_,
        turn_id=id_,
        state="received" if one.reason is None else "done",
        duplicate=False,
        reason=storable(one.reason),
        contact_id=contact_id,
        conversation_id=conversation_id,
        ai_enabled=ai_enabled,
        taken_over=taken_over_at is not None and taken_over_at > created_at,
        began_at=created_at,
        replies=(),
    )


def _persist(decisions: Sequence[Decision], now: datetime) -> Plan:
    turns: dict[str, Decision] = {}
    rows: list[tuple[Any, ...]] = []
    said: list[tuple[Any, ...]] = []
    understood: list[tuple[Any, ...]] = []
    #: id, text, and whether it may leave at once, of those for now
    replies: dict[str, list[tuple[str, str, bool]]] = {}
    for one in decisions:
        if one.turn_id in turns or not _is_storable(one):
            continue
        turns[one.turn_id] = one
        mine = replies[one.turn_id] = []
        for ordinal, reply in enumerate(one.replies):
            later = reply.not_before if reply.not_before is not None and reply.not_before > now else None
            id_, text, at_once = new_id(), storable(reply.text), ordinal == 0 and later is None and _claims(one)
            place = (one.turn_id, ordinal, one.chat_id, text, one.conversation_id)
            beside = (int(at_once), later, one.token, one.config_version)
            said.append((id_, one.organization_id, one.instance_id, *place, *beside))
            if later is None:
                mine.append((id_, text, at_once))
        if one.interaction is not None:
            understood.append(_interaction(one, one.interaction))
        state = "handled" if mine else "done"
        rows.append((one.turn_id, one.token, one.claim_since, state, one.reason, one.answered_by, one.attempts))

    def results(found: Sequence[Any]) -> list[Any]:
        taken_over: dict[str, bool] = dict(found)
        return [
            [_stored(one, *reply, taken_over=taken_over[one.turn_id]) for reply in replies[one.turn_id]]
            if one.turn_id in taken_over and turns.get(one.turn_id) is one
            else LEFT
            for one in decisions
        ]

    return Plan("PERSIST", [rows, said, understood], results)


def _is_storable(one: Decision) -> bool:
    times = [one.claim_since, *(reply.not_before for reply in one.replies)]
    return not (one.records or one.state) and all(time is None or time.tzinfo is not None for time in times)


def _claims(one: Decision) -> bool:
    return one.claim_since is not None


def _stored(one: Decision, id_: str, text: str, at_once: bool, *, taken_over: bool) -> StoredReply:
    claimed = at_once and not taken_over
    return StoredReply(
        id=id_,
        turn_id=one.turn_id,
        organization_id=one.organization_id,
        instance_id=one.instance_id,
        chat_id=one.chat_id,
        text=text,
        state="sending" if claimed else "pending",
        attempts=0,
        not_before=None,
        reason=None,
        claimed=claimed,
    )


def _interaction(one: Decision, known: Interaction) -> tuple[Any, ...]:
    place = (one.turn_id, new_id(), one.organization_id, one.conversation_id, one.message_id)
    return (*place, known.prompt, known.response, known.intent, known.sentiment, known.confidence, known.model_used)


def _note_sent(notes: Sequence[outbox.Sent], _: datetime) -> Plan:
    firsts: dict[str, outbox.Sent] = {}
    for note in notes:
        firsts.setdefault(note.reply_id, note)

    def results(found: Sequence[Any]) -> list[Any]:
        lost = {id_ for (id_,) in found}
        return [LEFT if note.reply_id in lost or firsts[note.reply_id] is not note else None for note in notes]

    rows = [(note.reply_id, note.provider_id, note.token) for note in firsts.values()]
    return Plan("NOTE_SENT", [rows], results)


def _claim(claims: Sequence[outbox.Claiming], now: datetime) -> Plan:
    firsts: dict[str, outbox.Claiming] = {}
    for one in claims:
        if one.began_at.tzinfo is not None:
            firsts.setdefault(one.reply_id, one)

    def results(found: Sequence[Any]) -> list[Any]:
        claimed = {id_ for (id_,) in found}
        return ["claimed" if one.reply_id in claimed and firsts[one.reply_id] is one else LEFT for one in claims]

    return Plan(
        "CLAIM", [[(one.token, now, one.reply_id, one.token, one.began_at) for one in firsts.values()]], results
    )


#: step -> how it is planned for many arguments; the time is the server's
SWIFT: Final[Mapping[Any, Callable[[Any, datetime], Plan]]] = {
    record: _record,
    persist: _persist,
    outbox.note_sent: _note_sent,
    outbox.claim: _claim,
}
