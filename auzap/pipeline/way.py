"""The way of one turn, from a lease's envelopes to their verdicts."""

from __future__ import annotations

from collections.abc import Sequence

from auzap.contract.queue import Burial, Envelope
from auzap.hooks.steps import KEPT
from auzap.logs import get_logger
from auzap.model.errors import BadPayload, HookFailed
from auzap.model.people import OWNER
from auzap.pipeline.admit import admit
from auzap.pipeline.answer import Answerer, Row, log_unanswered
from auzap.pipeline.classify import classify
from auzap.pipeline.events import Events
from auzap.pipeline.failing import Failing, Failure, attempts_of
from auzap.pipeline.normalize import normalize
from auzap.pipeline.record import accepted_at, inbound
from auzap.pipeline.send import Sender
from auzap.pipeline.traces import Attempt
from auzap.pipeline.verdicts import Ack, Bury, Defer, Retry, Settled, Verdict
from auzap.pipeline.work import Parts, Sending, Taken, Work

__all__ = ["Pipeline"]

log = get_logger("auzap.worker")

_FINAL = ("done", "dead")


class Pipeline:
    """Knows the steps and the store; of the queue only verdicts and a permit."""

    def __init__(self, parts: Parts) -> None:
        self._store = parts.store
        self._patience = parts.patience
        self._settings = parts.settings
        self._reached = parts.reached
        self._traces = parts.traces
        self._sender = Sender(parts)
        self._failing = Failing(parts)
        self._answerer = Answerer(parts, self._sender, self._failing)
        self._events = Events(parts)

    async def run(self, work: Work) -> list[Settled]:
        """Work one turn. The verdicts are in the order in which the queue is to be told.

        :raises LeaseLost: nothing that is decided here may be stored.
        """
        first = work.envelopes[0]
        config = work.tenant.config
        if first.kind != "message" or not config.trace:
            return await self._run(work, None)
        trace = self._traces.begin(first.tenant, first.instance, config.version)
        before = KEPT.set(trace.steps)
        try:
            return await self._run(work, trace)
        finally:
            KEPT.reset(before)

    async def _run(self, work: Work, trace: Attempt | None) -> list[Settled]:
        first = work.envelopes[0]
        try:
            if first.kind == "message":
                return await self._messages(work, trace)
            step = self._events.run if first.kind == "event" else self._outbound
            return [Settled((first.id,), await self._patience.with_plugins(step, work, first))]
        except HookFailed as error:
            failure = Failure(error, work.envelopes, trace)
            return [_settled(work.envelopes, await self._failing.verdict(work, failure))]

    # ------------------------------------------------------------------ messages

    async def _messages(self, work: Work, trace: Attempt | None) -> list[Settled]:
        first = work.envelopes[0]
        log.info(
            "Processing message",
            job_id=first.id,
            organization_id=first.tenant,
            lane=work.lane,
            config_version=work.tenant.config.version,
        )
        settled: list[Settled] = []
        taken = [got for envelope in work.envelopes if (got := await self._take(work, envelope, settled, trace))]
        if not taken:
            return settled
        arrivals = [inbound(one, work.token) for one in taken]
        recorded = await self._patience(self._store.record, arrivals)
        self._reached("after_record")
        rows = [Row(one, row) for one, row in zip(taken, recorded, strict=True)]
        final = [row for row in rows if row.recorded.duplicate or row.recorded.state in _FINAL]
        settled += [self._finished(row, trace, alone=len(rows) == 1) for row in final]
        for state, go_on in (("handled", self._answerer.send_stored), ("received", self._answerer.answer)):
            for turn in _turns(rows, state):
                verdict = await go_on(work, turn, trace)
                settled.append(_settled([row.taken.envelope for row in turn], verdict))
                if isinstance(verdict, (Retry, Defer)):
                    return settled
        return settled

    async def _take(
        self, work: Work, envelope: Envelope, settled: list[Settled], trace: Attempt | None
    ) -> Taken | None:
        """Normalize, admit, classify."""
        if trace is not None:
            trace.message_id = None
        try:
            message = await self._patience.with_plugins(normalize, work.tenant.hooks, work.channel, envelope.payload)
        except BadPayload as error:
            settled.append(Settled((envelope.id,), Bury(Burial(stage="normalize", reason=str(error)))))
            return None
        if trace is not None:
            trace.message_id = message.message_id
        reason = admit(
            message,
            work.tenant,
            accepted_at=envelope.accepted_at,
            stale_after=self._settings.stale_after,
        )
        sender = None
        if reason is None:
            sender = await self._patience.with_plugins(classify, work.tenant, message, envelope.instance)
            log.info(
                "Owner message detected" if sender.role == OWNER else "Client message detected",
                organization_id=envelope.tenant,
                role=sender.role,
                phone=sender.phone or sender.lid,
                config_version=work.tenant.config.version,
            )
        return Taken(envelope=envelope, message=message, reason=reason, sender=sender)

    def _finished(self, row: Row, trace: Attempt | None, *, alone: bool) -> Settled:
        """Nothing is left to do but to tell the queue."""
        envelope, recorded = row.taken.envelope, row.recorded
        verdict: Verdict = Ack()
        if recorded.duplicate:
            log.info("Duplicate dropped", organization_id=envelope.tenant, message_id=row.taken.message.message_id)
        elif recorded.state == "dead":
            verdict = Bury(
                Burial(
                    stage="handle",
                    reason=recorded.reason or "dead",
                    message_id=row.taken.message.message_id,
                    attempts=envelope.attempts,
                )
            )
        elif recorded.reason is not None:
            log_unanswered(envelope.tenant, row.taken.message.message_id, recorded.reason)
            if trace is not None:
                trace.message_id = row.taken.message.message_id
                trace.end(recorded.turn_id, recorded.reason, attempt=attempts_of([envelope]) + 1, with_steps=alone)
        return Settled((envelope.id,), verdict)

    # ------------------------------------------------------------------ scheduled replies

    async def _outbound(self, work: Work, envelope: Envelope) -> Verdict:
        reply_id = str(envelope.payload["outbox_id"])
        reply = await self._patience(self._store.outbound, reply_id)
        if reply is None:
            log.warning("Scheduled reply is gone", organization_id=envelope.tenant, job_id=envelope.id)
            return Ack()
        if not await work.begin():
            return Defer(0)
        if envelope.revived and reply.state in ("failed", "cancelled"):
            await self._patience(self._store.revive_reply, reply_id, token=work.token)
        sending = Sending(
            job_id=envelope.id,
            began_at=accepted_at(envelope),
            accepted_at=envelope.accepted_at,
            message_id=None,
            is_owner=False,
        )
        return await self._sender.send_all(work, [reply], sending)


def _turns(rows: Sequence[Row], state: str) -> list[list[Row]]:
    """The rows of that state, by turn."""
    turns: dict[str, list[Row]] = {}
    for row in rows:
        if row.recorded.state == state and not row.recorded.duplicate:
            turns.setdefault(row.recorded.turn_id, []).append(row)
    return list(turns.values())


def _settled(envelopes: Sequence[Envelope], verdict: Verdict) -> Settled:
    return Settled(tuple(envelope.id for envelope in envelopes), verdict)
