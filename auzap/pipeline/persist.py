"""Persist: replies, records, interaction and state, in one transaction."""

from __future__ import annotations

from auzap.model.errors import HookFailed, LeaseLost, Unavailable, cause_of
from auzap.model.turn import Turn
from auzap.pipeline.handle import Decided
from auzap.pipeline.work import Parts, Work
from auzap.storage.store import Decision, NewReply, Recorded, StateChange, StoredReply

__all__ = ["Persister"]


class Persister:
    def __init__(self, parts: Parts) -> None:
        self._store = parts.store
        self._patience = parts.patience
        self._instances = parts.instances
        self._reached = parts.reached

    async def persist(
        self,
        work: Work,
        recorded: Recorded,
        turn: Turn,
        decided: Decided,
        reason: str | None,
        state: tuple[StateChange, ...],
    ) -> list[StoredReply]:
        """Store what was decided.

        A tenant whose plugin writes in the transaction has one of its own; all others are written together. While the
        store is away only this is repeated: the handler has answered already.

        :param state: what plugins remember of the chat from now on.
        :return: the replies to be sent now.
        :raises HookFailed: the plugin's ``persist`` failed, or its records cannot be stored.
        """
        decision = _decision(work, recorded, turn, decided, reason, state, claim=self._may_leave_at_once(work))
        self._reached("before_persist")
        if work.tenant.hooks.has_persist and decided.plugin is not None:
            replies = await self._patience.with_plugins(self._with_plugin, work, turn, decided, decision)
        else:
            replies = await self._patience(self._in_group, decision)
        self._reached("after_persist")
        return replies

    def _may_leave_at_once(self, work: Work) -> bool:
        """Whether nothing stands between storing a reply and sending it."""
        limited = work.channel.options.rate_limit is not None
        return not limited and self._instances.closed_until(work.tenant.info.id, work.instance_id) is None

    async def _in_group(self, decision: Decision) -> list[StoredReply]:
        try:
            return await self._store.persist(decision)
        except (LeaseLost, Unavailable):
            raise
        except Exception as error:
            raise _records_refused(decision, error) from error

    async def _with_plugin(self, work: Work, turn: Turn, decided: Decided, decision: Decision) -> list[StoredReply]:
        try:
            async with self._store.transaction(decision.organization_id, turn_id=turn.id, token=work.token) as session:
                await work.tenant.hooks.persist(session, decided.outcome, turn)
                return await self._store.persist_in(session, decision)
        except (HookFailed, LeaseLost, Unavailable):
            raise
        except Exception as error:
            away = cause_of(error, Unavailable)
            if away is not None:
                raise away from error
            raise _records_refused(decision, error) from error


def _records_refused(decision: Decision, error: Exception) -> HookFailed:
    brief = "what it returned cannot be stored"
    return HookFailed(decision.answered_by or "auzap", "handle_message", f"{brief}: {error}", brief=brief)


def _decision(
    work: Work,
    recorded: Recorded,
    turn: Turn,
    decided: Decided,
    reason: str | None,
    state: tuple[StateChange, ...],
    *,
    claim: bool,
) -> Decision:
    outcome = decided.outcome
    return Decision(
        organization_id=turn.organization_id,
        instance_id=turn.instance_id,
        turn_id=turn.id,
        token=work.token,
        chat_id=turn.messages[-1].chat_id,
        conversation_id=recorded.conversation_id,
        message_id=turn.messages[-1].message_id,
        replies=tuple(NewReply(reply.text, reply.not_before) for reply in outcome.replies),
        records=tuple(outcome.records),
        interaction=outcome.interaction,
        reason=reason,
        answered_by=decided.plugin,
        attempts=turn.attempt,
        claim_since=recorded.began_at if claim else None,
        config_version=turn.config_version,
        state=state,
    )
