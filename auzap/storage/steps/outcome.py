"""Persist: what became of turns, set-wise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from auzap.model.errors import LeaseLost
from auzap.model.keys import new_id
from auzap.storage.records import NewRow, new_rows
from auzap.storage.steps.fences import TurnRow, fence_turns, state_of
from auzap.storage.steps.outbox_rows import replies_of
from auzap.storage.steps.states import States
from auzap.storage.steps.tx import Tx
from auzap.storage.store import Decision, NewReply, StoredReply
from auzap.storage.texts import storable

__all__ = ["persist"]


def persist(tx: Tx, decisions: Sequence[Decision]) -> list[list[StoredReply] | Exception]:
    """Decide turn by turn, write together."""
    group = _Group(tx, fence_turns(tx, [decision.turn_id for decision in decisions]))
    answers = [group.take(decision) for decision in decisions]
    group.write()
    return answers


class _Group:
    """All rows of one transaction."""

    def __init__(self, tx: Tx, rows: Mapping[str, Sequence[TurnRow]]) -> None:
        self._tx = tx
        self._rows = rows
        self._now = tx.now()
        self._turns: dict[str, list[StoredReply]] = {}
        self._replies: list[tuple[Any, ...]] = []
        self._messages: list[tuple[Any, ...]] = []
        self._interactions: list[tuple[Any, ...]] = []
        self._records: list[NewRow] = []
        self._states = States(tx)
        self._handled: list[tuple[Any, ...]] = []

    def take(self, decision: Decision) -> list[StoredReply] | Exception:
        state = state_of(self._rows.get(decision.turn_id), decision.turn_id, decision.token)
        if isinstance(state, LeaseLost):
            return state
        if decision.turn_id in self._turns:
            return self._turns[decision.turn_id]
        if state == "dead":
            return LeaseLost(f"turn {decision.turn_id} was given up")
        if state != "received":
            return list(replies_of(self._tx, decision.turn_id))
        try:
            return self._take(decision)
        except ValueError as error:
            return error

    def write(self) -> None:
        self._tx.write("INSERT_REPLY", self._replies)
        self._tx.write("INSERT_OUTBOUND", self._messages)
        self._tx.write("INSERT_INTERACTION", self._interactions)
        self._states.write(self._now)
        self._tx.insert(self._records)
        self._tx.write("HANDLE_TURN", self._handled)

    def _take(self, decision: Decision) -> list[StoredReply]:
        """:raises ValueError: it cannot be stored; nothing of it was taken."""
        records = new_rows(decision.organization_id, decision.records)
        whens = [self._later(reply) for reply in decision.replies]
        claims = self._claims(decision)
        self._states.check(decision.state)
        self._records += records
        self._states.take(decision)
        now = [
            self._reply(decision, ordinal, reply, when, claimed=claims and ordinal == 0 and when is None)
            for ordinal, (reply, when) in enumerate(zip(decision.replies, whens, strict=True))
        ]
        replies = self._turns[decision.turn_id] = [reply for reply in now if reply.not_before is None]
        self._interaction(decision)
        self._handled.append(
            (
                "handled" if replies else "done",
                storable(decision.reason),
                decision.answered_by,
                decision.attempts,
                decision.token,
                self._now,
                decision.turn_id,
            )
        )
        return replies

    def _later(self, reply: NewReply) -> Any:
        """When to send it; None is now."""
        when = self._tx.time(reply.not_before) if reply.not_before is not None else None
        return when if when is not None and when > self._now else None

    def _claims(self, decision: Decision) -> bool:
        """Whether the first reply may leave at once: ``claim`` would say so too."""
        if decision.claim_since is None:
            return False
        since = self._tx.time(decision.claim_since)
        return not any(row.taken_over_at and row.taken_over_at > since for row in self._rows[decision.turn_id])

    def _reply(self, decision: Decision, ordinal: int, reply: NewReply, when: Any, *, claimed: bool) -> StoredReply:
        stored = StoredReply(
            id=new_id(),
            turn_id=decision.turn_id,
            organization_id=decision.organization_id,
            instance_id=decision.instance_id,
            chat_id=decision.chat_id,
            text=storable(reply.text),
            state="sending" if claimed else "pending",
            attempts=0,
            not_before=reply.not_before if when is not None else None,
            reason=None,
            claimed=claimed,
        )
        conversation_id, now = decision.conversation_id, self._now
        self._replies.append(
            (
                stored.id,
                stored.organization_id,
                stored.instance_id,
                stored.turn_id,
                ordinal,
                stored.chat_id,
                stored.text,
                conversation_id,
                stored.state,
                decision.token,
                when,
                now,
                now,
                decision.config_version,
            )
        )
        if conversation_id is not None:
            self._messages.append(
                (stored.id, stored.organization_id, conversation_id, stored.instance_id, stored.text, now)
            )
        return stored

    def _interaction(self, decision: Decision) -> None:
        interaction = decision.interaction
        if interaction is not None:
            self._interactions.append(
                (
                    new_id(),
                    decision.organization_id,
                    decision.conversation_id,
                    storable(decision.message_id),
                    storable(interaction.prompt),
                    storable(interaction.response),
                    interaction.intent,
                    interaction.sentiment,
                    interaction.confidence,
                    interaction.model_used,
                    self._now,
                )
            )
