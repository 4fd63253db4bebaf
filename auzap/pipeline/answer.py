"""Answer: handle and persist a turn that was recorded, then send; or give it up."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from auzap.contract.queue import Burial, Envelope
from auzap.logs import get_logger
from auzap.model.errors import HookFailed
from auzap.model.people import OWNER
from auzap.model.reply import Outcome
from auzap.model.turn import Turn
from auzap.pipeline.give_up import give_up
from auzap.pipeline.handle import Decided, handle
from auzap.pipeline.persist import Persister
from auzap.pipeline.send import Sender
from auzap.pipeline.verdicts import Bury, Defer, Retry, Verdict
from auzap.pipeline.work import Parts, Sending, Taken, Work
from auzap.storage.store import Recorded, StoredReply

__all__ = ["Answerer", "Row", "log_unanswered"]

log = get_logger("auzap.worker")


@dataclass(frozen=True, slots=True)
class Row:
    """A message that was read, and what the inbox knows of it."""

    taken: Taken
    recorded: Recorded


class Answerer:
    """Takes the rows of one turn to their verdict."""

    def __init__(self, parts: Parts, sender: Sender) -> None:
        self._parts = parts
        self._store = parts.store
        self._patience = parts.patience
        self._settings = parts.settings
        self._instances = parts.instances
        self._reached = parts.reached
        self._persister = Persister(parts)
        self._sender = sender

    async def send_stored(self, work: Work, rows: Sequence[Row]) -> Verdict:
        """The outcome is stored: only the sends are left. The handler is not asked again."""
        if not await work.begin():
            return Defer(0)
        return await self._sender.send_all(work, rows[0].recorded.replies, _sending(rows))

    async def answer(self, work: Work, rows: Sequence[Row]) -> Verdict:
        until = self._instances.closed_until(work.tenant.info.id, work.instance_id)
        if until is not None and _silence(rows[0].recorded) is None:  # who is not answered needs no instance
            return await self._wait_for_instance(work, rows, until)
        if not await work.begin():
            return Defer(0)
        log.info(
            "Message stored",
            organization_id=work.tenant.info.id,
            row_id=rows[0].recorded.id,
            conversation_id=rows[0].recorded.conversation_id,
        )
        turn = self._turn(work, rows)
        try:
            replies = await self._patience.with_plugins(self._decide, work, rows, turn)
        except HookFailed as error:
            return await self.failed(work, [row.taken.envelope for row in rows], error, turn)
        if replies and not await work.begin():
            return Defer(0)
        return await self._sender.send_all(work, replies, _sending(rows))

    async def _wait_for_instance(self, work: Work, rows: Sequence[Row], until: float) -> Verdict:
        envelope, message_id = rows[0].taken.envelope, rows[-1].taken.message.message_id
        if not self._sender.given_up(envelope.tenant, envelope.instance, envelope.accepted_at):
            return Defer(until)
        return await self._give_up(work, rows[0].recorded.turn_id, "send", "given up: instance unreachable", message_id)

    async def _decide(self, work: Work, rows: Sequence[Row], turn: Turn) -> list[StoredReply]:
        """Handle and persist.

        :return: the replies to be sent now.
        """
        recorded = rows[0].recorded
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
        return await self._persister.persist(work, recorded, turn, decided, reason)

    def _turn(self, work: Work, rows: Sequence[Row]) -> Turn:
        tenant, recorded, token = work.tenant, rows[0].recorded, work.token
        sender = rows[-1].taken.sender
        assert sender is not None  # noqa: S101 - only admitted messages are answered, and those were classified
        return Turn(
            id=recorded.turn_id,
            organization_id=tenant.info.id,
            instance_id=work.instance_id,
            messages=tuple(row.taken.message for row in rows),
            sender=sender,
            attempt=_attempts(row.taken.envelope for row in rows) + 1,
            contact_id=recorded.contact_id,
            conversation_id=recorded.conversation_id,
            began_at=recorded.began_at,
            timezone=tenant.info.timezone,
            store=tenant.store,
            run_once=lambda name, fn: self._store.once(
                tenant.info.id, turn_id=recorded.turn_id, token=token, name=name, fn=fn
            ),
        )

    async def failed(
        self, work: Work, envelopes: Sequence[Envelope], error: HookFailed, turn: Turn | None = None
    ) -> Verdict:
        """A hook failed: an attempt is used."""
        used = _attempts(envelopes) + 1
        log.warning(
            "Attempt failed",
            job_id=envelopes[0].id,
            organization_id=work.tenant.info.id,
            plugin=error.plugin,
            hook=error.hook,
            attempt=used,
            error=error.reason,
        )
        if used < self._settings.attempts:
            return Retry(self._settings.backoff(used), attempt=True)
        if turn is None:  # it failed before the rows were looked at, which an earlier attempt may have written
            for envelope in envelopes:
                await give_up(self._parts, envelope, token=work.token, reason=str(error))
            return Bury(Burial(stage="handle", reason=str(error), plugin=error.plugin, attempts=used))
        return await self._give_up(
            work, turn.id, "handle", str(error), turn.messages[-1].message_id, plugin=error.plugin, attempts=used
        )

    async def _give_up(
        self,
        work: Work,
        turn_id: str,
        stage: str,
        reason: str,
        message_id: str | None,
        *,
        plugin: str | None = None,
        attempts: int = 0,
    ) -> Bury:
        await self._patience(self._store.note_dead, turn_id, token=work.token, reason=reason, attempts=attempts)
        return Bury(Burial(stage=stage, reason=reason, plugin=plugin, message_id=message_id, attempts=attempts))


def _attempts(envelopes: Iterable[Envelope]) -> int:
    return max(envelope.attempts for envelope in envelopes)


def _silence(recorded: Recorded) -> str | None:
    """Why nobody is even asked."""
    if recorded.taken_over:
        return "taken_over"
    return None if recorded.ai_enabled else "ai_off"


def _no_reply(decided: Decided) -> str | None:
    if decided.plugin is None:
        return "nobody_answered"
    return None if decided.outcome.replies else "answered_with_silence"


def _sending(rows: Sequence[Row]) -> Sending:
    last = rows[-1].taken
    return Sending(
        job_id=rows[0].taken.envelope.id,
        began_at=rows[0].recorded.began_at,
        accepted_at=rows[0].taken.envelope.accepted_at,
        message_id=last.message.message_id,
        is_owner=last.sender is not None and last.sender.role == OWNER,
    )


def log_unanswered(organization_id: str, message_id: str | None, reason: str) -> None:
    log.info("Message not answered", organization_id=organization_id, message_id=message_id, reason=reason)
