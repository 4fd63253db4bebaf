"""The way of one turn, from a lease's envelopes to their verdicts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

from auzap.contract.queue import Burial, Envelope
from auzap.logs import get_logger
from auzap.model.errors import BadPayload, HookFailed, LeaseLost, Unavailable, cause_of
from auzap.model.people import OWNER
from auzap.model.reply import Outcome
from auzap.model.turn import Turn
from auzap.pipeline.admit import admit
from auzap.pipeline.classify import classify
from auzap.pipeline.events import Events
from auzap.pipeline.handle import Decided, handle
from auzap.pipeline.instances import Instances
from auzap.pipeline.normalize import normalize
from auzap.pipeline.patience import Patience
from auzap.pipeline.persist import Persister
from auzap.pipeline.record import accepted_at, inbound
from auzap.pipeline.send import Permit, Sender
from auzap.pipeline.verdicts import Ack, Bury, Defer, Retry, Settled, Verdict
from auzap.pipeline.work import Sending, Settings, Taken, Work
from auzap.storage.store import Recorded, Store, StoredReply

__all__ = ["Pipeline"]

log = get_logger("auzap.worker")
P = ParamSpec("P")
T = TypeVar("T")

_FINAL = ("done", "dead")


@dataclass(frozen=True, slots=True)
class _Row:
    """A message that was read, and what the inbox knows of it."""

    taken: Taken
    recorded: Recorded


class Pipeline:
    """Knows the steps and the store; of the queue only verdicts and a permit.

    :param reached: told the name of each point that a turn passes; for tests that end the process there.
    """

    def __init__(
        self,
        *,
        store: Store,
        permit: Permit,
        instances: Instances,
        patience: Patience,
        settings: Settings,
        reached: Callable[[str], None],
    ) -> None:
        self._store = store
        self._patience = patience
        self._settings = settings
        self._instances = instances
        self._reached = reached
        self._persister = Persister(store=store, patience=patience, reached=reached)
        self._events = Events(store=store, patience=patience, stale_after=settings.stale_after)
        self._sender = Sender(
            store=store,
            permit=permit,
            instances=instances,
            patience=patience,
            settings=settings,
            reached=reached,
        )

    async def run(self, work: Work) -> list[Settled]:
        """Work one turn. The verdicts are in the order in which the queue is to be told.

        :raises LeaseLost: nothing that is decided here may be stored.
        """
        first = work.envelopes[0]
        try:
            if first.kind == "message":
                return await self._messages(work)
            step = self._events.run if first.kind == "event" else self._outbound
            return [Settled((first.id,), await self._hooked(step, work, first))]
        except HookFailed as error:
            return [_settled(work.envelopes, await self._failed(work, work.envelopes, error))]

    # ------------------------------------------------------------------ messages

    async def _messages(self, work: Work) -> list[Settled]:
        first = work.envelopes[0]
        log.info("Processing message", job_id=first.id, organization_id=first.tenant, lane=work.lane)
        settled: list[Settled] = []
        taken = [got for envelope in work.envelopes if (got := await self._take(work, envelope, settled))]
        if not taken:
            return settled
        arrivals = [inbound(one, work.token) for one in taken]
        recorded = await self._patience(self._store.record, arrivals)
        self._reached("after_record")
        rows = [_Row(one, row) for one, row in zip(taken, recorded, strict=True)]
        settled += [self._finished(row) for row in rows if row.recorded.duplicate or row.recorded.state in _FINAL]
        for state, go_on in (("handled", self._send_stored), ("received", self._answer)):
            for turn in _turns(rows, state):
                verdict = await go_on(work, turn)
                settled.append(_settled([row.taken.envelope for row in turn], verdict))
                if isinstance(verdict, (Retry, Defer)):
                    return settled
        return settled

    async def _take(self, work: Work, envelope: Envelope, settled: list[Settled]) -> Taken | None:
        """Normalize, admit, classify."""
        try:
            message = await self._hooked(normalize, work.tenant.hooks, work.channel, envelope.payload)
        except BadPayload as error:
            settled.append(Settled((envelope.id,), Bury(Burial(stage="normalize", reason=str(error)))))
            return None
        reason = admit(
            message,
            work.tenant,
            accepted_at=envelope.accepted_at,
            stale_after=self._settings.stale_after,
        )
        sender = None
        if reason is None:
            sender = await self._hooked(classify, work.tenant, message, envelope.instance)
            log.info(
                "Owner message detected" if sender.role == OWNER else "Client message detected",
                organization_id=envelope.tenant,
                role=sender.role,
                phone=sender.phone or sender.lid,
            )
        return Taken(envelope=envelope, message=message, reason=reason, sender=sender)

    def _finished(self, row: _Row) -> Settled:
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
            _log_unanswered(envelope.tenant, row.taken.message.message_id, recorded.reason)
        return Settled((envelope.id,), verdict)

    async def _send_stored(self, work: Work, rows: Sequence[_Row]) -> Verdict:
        """The outcome is stored: only the sends are left. The handler is not asked again."""
        return await self._sender.send_all(work, rows[0].recorded.replies, _sending(rows))

    async def _answer(self, work: Work, rows: Sequence[_Row]) -> Verdict:
        until = self._instances.closed_until(work.tenant.info.id, work.instance_id)
        if until is not None:
            return await self._wait_for_instance(work, rows, until)
        log.info(
            "Message stored",
            organization_id=work.tenant.info.id,
            row_id=rows[0].recorded.id,
            conversation_id=rows[0].recorded.conversation_id,
        )
        turn = self._turn(work, rows)
        try:
            replies = await self._hooked(self._decide, work, rows, turn)
        except HookFailed as error:
            return await self._failed(work, [row.taken.envelope for row in rows], error, turn)
        return await self._sender.send_all(work, replies, _sending(rows))

    async def _wait_for_instance(self, work: Work, rows: Sequence[_Row], until: float) -> Verdict:
        envelope, message_id = rows[0].taken.envelope, rows[-1].taken.message.message_id
        if not self._sender.given_up(envelope.tenant, envelope.instance, envelope.accepted_at):
            return Defer(until)
        return await self._give_up(work, rows[0].recorded.turn_id, "send", "given up: instance unreachable", message_id)

    async def _decide(self, work: Work, rows: Sequence[_Row], turn: Turn) -> list[StoredReply]:
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
        reason = silent or _no_reply(decided)
        if reason is not None:
            _log_unanswered(turn.organization_id, turn.messages[-1].message_id, reason)
        return await self._persister.persist(work, recorded, turn, decided, reason)

    def _turn(self, work: Work, rows: Sequence[_Row]) -> Turn:
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

    # ------------------------------------------------------------------ scheduled replies

    async def _outbound(self, work: Work, envelope: Envelope) -> Verdict:
        reply_id = str(envelope.payload["outbox_id"])
        reply = await self._patience(self._store.outbound, reply_id)
        if reply is None:
            return Ack()
        sending = Sending(
            began_at=accepted_at(envelope), accepted_at=envelope.accepted_at, message_id=None, is_owner=False
        )
        return await self._sender.send_all(work, [reply], sending)

    # ------------------------------------------------------------------ failures

    async def _hooked(self, call: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call what calls plugins. A store that is away, or a lost lease, is not the plugin's failure."""

        async def plainly() -> T:
            try:
                return await call(*args, **kwargs)
            except HookFailed as error:
                behind = cause_of(error, LeaseLost) or cause_of(error, Unavailable)
                if behind is not None:
                    raise behind from error
                raise

        return await self._patience(plainly)

    async def _failed(
        self, work: Work, envelopes: Sequence[Envelope], error: HookFailed, turn: Turn | None = None
    ) -> Verdict:
        """A hook failed: an attempt is used."""
        used = _attempts(envelopes) + 1
        log.warning(
            "Attempt failed",
            organization_id=work.tenant.info.id,
            plugin=error.plugin,
            hook=error.hook,
            attempt=used,
            error=error.reason,
        )
        if used < self._settings.attempts:
            return Retry(self._settings.backoff(used), attempt=True)
        if turn is None:
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


def _turns(rows: Sequence[_Row], state: str) -> list[list[_Row]]:
    """The rows of that state, by turn."""
    turns: dict[str, list[_Row]] = {}
    for row in rows:
        if row.recorded.state == state and not row.recorded.duplicate:
            turns.setdefault(row.recorded.turn_id, []).append(row)
    return list(turns.values())


def _settled(envelopes: Sequence[Envelope], verdict: Verdict) -> Settled:
    return Settled(tuple(envelope.id for envelope in envelopes), verdict)


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


def _sending(rows: Sequence[_Row]) -> Sending:
    last = rows[-1].taken
    return Sending(
        began_at=rows[0].recorded.began_at,
        accepted_at=rows[0].taken.envelope.accepted_at,
        message_id=last.message.message_id,
        is_owner=last.sender is not None and last.sender.role == OWNER,
    )


def _log_unanswered(organization_id: str, message_id: str | None, reason: str) -> None:
    log.info("Message not answered", organization_id=organization_id, message_id=message_id, reason=reason)
