"""Answer: handle and persist a turn that was recorded, then send; or give it up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic

from auzap.contract.queue import Burial
from auzap.logs import get_logger
from auzap.model.errors import HookFailed
from auzap.model.people import OWNER
from auzap.model.reply import Outcome
from auzap.model.turn import Chat, Turn
from auzap.pipeline.failing import Failing, Failure, attempts_of
from auzap.pipeline.handle import Decided, handle
from auzap.pipeline.persist import Persister
from auzap.pipeline.send import Sender
from auzap.pipeline.traces import Attempt
from auzap.pipeline.verdicts import Ack, Bury, Defer, Verdict
from auzap.pipeline.work import Parts, Sending, Taken, Work
from auzap.services.state import TurnStates
from auzap.storage.store import Recorded, StoredReply

__all__ = ["Answerer", "Row", "log_unanswered"]

log = get_logger("auzap.worker")


@dataclass(frozen=True, slots=True)
class Row:
    """A message that was read, and what the inbox knows of it."""

    taken: Taken
    recorded: Recorded


@dataclass(frozen=True, slots=True)
class _Outcome:
    """
    :param reason: why there is no reply.
    :param at: when it was stored, on the clock of ``time.monotonic()``.
    """

    replies: list[StoredReply]
    plugin: str | None
    reason: str | None
    at: float


class Answerer:
    """Takes the rows of one turn to their verdict."""

    def __init__(self, parts: Parts, sender: Sender, failing: Failing) -> None:
        self._store = parts.store
        self._patience = parts.patience
        self._tell = parts.tell
        self._instances = parts.instances
        self._reached = parts.reached
        self._persister = Persister(parts)
        self._sender = sender
        self._failing = failing

    async def send_stored(self, work: Work, rows: Sequence[Row], trace: Attempt | None) -> Verdict:
        """The outcome is stored: only the sends are left. The handler is not asked again."""
        _name(trace, rows)
        if not await work.begin():
            return Defer(0)
        verdict = await self._sender.send_all(work, rows[0].recorded.replies, _sending(rows))
        if trace is not None and any(hook == "send_reply" for hook, *_ in trace.steps):
            outcome = {Ack: "answered", Defer: "waits"}.get(type(verdict), "failed")
            trace.end(rows[0].recorded.turn_id, outcome, attempt=_attempt(rows))
        return verdict

    async def answer(self, work: Work, rows: Sequence[Row], trace: Attempt | None) -> Verdict:
        _name(trace, rows)
        until = self._instances.closed_until(work.tenant.info.id, work.instance_id)
        if until is not None and _silence(rows[0].recorded) is None:  # who is not answered needs no instance
            return await self._wait_for_instance(work, rows, until, trace)
        if not await work.begin():
            return Defer(0)
        log.info(
            "Message stored",
            organization_id=work.tenant.info.id,
            row_id=rows[0].recorded.id,
            conversation_id=rows[0].recorded.conversation_id,
            config_version=work.tenant.config.version,
        )
        try:
            outcome = await self._patience.with_plugins(self._decide, work, rows)
        except HookFailed as error:
            return await self._failing.verdict(work, _failure(rows, error, trace))
        try:
            if outcome.replies and not await work.begin():
                return Defer(0)
            return await self._sender.send_all(work, outcome.replies, _sending(rows, work.tenant.config.version))
        finally:
            if trace is not None:  # here, so that whoever sent is in it too
                trace.end(
                    rows[0].recorded.turn_id,
                    outcome.reason or "answered",
                    attempt=_attempt(rows),
                    answered_by=outcome.plugin,
                    ended=outcome.at,
                )

    async def _wait_for_instance(self, work: Work, rows: Sequence[Row], until: float, trace: Attempt | None) -> Verdict:
        envelope, turn_id = rows[0].taken.envelope, rows[0].recorded.turn_id
        waits = not self._sender.given_up(envelope.tenant, envelope.instance, envelope.accepted_at)
        if trace is not None:
            trace.end(turn_id, "waits" if waits else "failed", attempt=_attempt(rows))
        if waits:
            return Defer(until)
        reason, message_id = "given up: instance unreachable", rows[-1].taken.message.message_id
        await self._failing.note_dead(work, turn_id, reason, 0)
        return Bury(Burial(stage="send", reason=reason, message_id=message_id, attempts=0))

    async def _decide(self, work: Work, rows: Sequence[Row]) -> _Outcome:
        """Handle and persist. Called again, nothing is left of the time before."""
        recorded = rows[0].recorded
        chat = Chat(work.instance_id, rows[-1].taken.message.chat_id)
        states = TurnStates(self._store, work.tenant.info.id, chat, tell=self._tell)
        turn = self._turn(work, rows, states)
        silent = _silence(recorded)
        if silent is not None:
            decided = Decided(None, Outcome())
        else:
            self._reached("in_handler")
            decided = await handle(work.tenant.hooks, turn)
            work.pause()
        reason = silent or _no_reply(decided)
        if reason is not None:
            log_unanswered(turn.organization_id, turn.messages[-1].message_id, reason)
        replies = await self._persister.persist(work, recorded, turn, decided, reason, states.changes())
        return _Outcome(replies, decided.plugin, reason, monotonic())

    def _turn(self, work: Work, rows: Sequence[Row], states: TurnStates) -> Turn:
        tenant, recorded, token = work.tenant, rows[0].recorded, work.token
        sender = rows[-1].taken.sender
        assert sender is not None  # noqa: S101 - only admitted messages are answered, and those were classified
        return Turn(
            id=recorded.turn_id,
            organization_id=tenant.info.id,
            instance_id=work.instance_id,
            messages=tuple(row.taken.message for row in rows),
            sender=sender,
            attempt=_attempt(rows),
            contact_id=recorded.contact_id,
            conversation_id=recorded.conversation_id,
            began_at=recorded.began_at,
            timezone=tenant.info.timezone,
            config_version=tenant.config.version,
            store=tenant.store,
            states=states.of,
            run_once=lambda name, fn: self._store.once(
                tenant.info.id, turn_id=recorded.turn_id, token=token, name=name, fn=fn
            ),
        )


def _name(trace: Attempt | None, rows: Sequence[Row]) -> None:
    if trace is not None:
        trace.message_id = rows[-1].taken.message.message_id


def _attempt(rows: Sequence[Row]) -> int:
    return attempts_of([row.taken.envelope for row in rows]) + 1


def _failure(rows: Sequence[Row], error: HookFailed, trace: Attempt | None) -> Failure:
    return Failure(
        error,
        [row.taken.envelope for row in rows],
        trace,
        rows[0].recorded.turn_id,
        rows[-1].taken.message.message_id,
    )


def _silence(recorded: Recorded) -> str | None:
    """Why nobody is even asked."""
    if recorded.taken_over:
        return "taken_over"
    return None if recorded.ai_enabled else "ai_off"


def _no_reply(decided: Decided) -> str | None:
    if decided.plugin is None:
        return "nobody_answered"
    return None if decided.outcome.replies else "answered_with_silence"


def _sending(rows: Sequence[Row], config_version: str | None = None) -> Sending:
    last = rows[-1].taken
    return Sending(
        job_id=rows[0].taken.envelope.id,
        began_at=rows[0].recorded.began_at,
        accepted_at=rows[0].taken.envelope.accepted_at,
        message_id=last.message.message_id,
        is_owner=last.sender is not None and last.sender.role == OWNER,
        config_version=config_version,
    )


def log_unanswered(organization_id: str, message_id: str | None, reason: str) -> None:
    log.info("Message not answered", organization_id=organization_id, message_id=message_id, reason=reason)
