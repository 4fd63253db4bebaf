"""What becomes of a turn that a plugin has failed, or that waits for one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from auzap.contract.queue import Burial, Envelope
from auzap.logs import get_logger
from auzap.model.errors import HookFailed, PluginPaused
from auzap.pipeline.give_up import give_up
from auzap.pipeline.traces import Attempt
from auzap.pipeline.verdicts import Bury, Defer, Retry, Verdict
from auzap.pipeline.work import Parts, Work

__all__ = ["Failing", "Failure", "attempts_of"]

log = get_logger("auzap.worker")


@dataclass(frozen=True, slots=True)
class Failure:
    """
    :param turn_id: None: it failed before the rows were looked at, which an earlier attempt may have written.
    :param trace: None: none is kept.
    """

    error: HookFailed
    envelopes: Sequence[Envelope]
    trace: Attempt | None
    turn_id: str | None = None
    message_id: str | None = None


class Failing:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._store = parts.store
        self._patience = parts.patience
        self._settings = parts.settings

    async def verdict(self, work: Work, failure: Failure) -> Verdict:
        error, used = failure.error, attempts_of(failure.envelopes) + 1
        if isinstance(error, PluginPaused):
            verdict = await self._paused(work, failure, error)
        else:
            verdict = await self._failed(work, failure, used)
        if failure.trace is not None:
            failure.trace.failed(error)
            # before there is a row, the envelope's id is all that it can be found by
            turn_id = failure.turn_id or failure.envelopes[0].id
            failure.trace.end(turn_id, "waits" if isinstance(verdict, Defer) else "failed", attempt=used)
        return verdict

    async def _failed(self, work: Work, failure: Failure, used: int) -> Verdict:
        """An attempt is used."""
        error = failure.error
        log.warning(
            "Attempt failed",
            job_id=failure.envelopes[0].id,
            organization_id=work.tenant.info.id,
            plugin=error.plugin,
            hook=error.hook,
            attempt=used,
            error=error.reason,
        )
        if used < self._settings.attempts:
            return Retry(self._settings.backoff(used), attempt=True)
        return await self._bury(work, failure, str(error), used)

    async def _paused(self, work: Work, failure: Failure, error: PluginPaused) -> Verdict:
        """Nobody was asked: it goes back as it came, unless it has waited too long."""
        accepted_at = min(envelope.accepted_at for envelope in failure.envelopes)
        last = max(error.since, accepted_at) + self._settings.give_up_after
        if self._parts.tell().timestamp() < last:
            return Defer(min(error.until, last))
        return await self._bury(work, failure, f"given up: {error}", attempts_of(failure.envelopes))

    async def _bury(self, work: Work, failure: Failure, reason: str, attempts: int) -> Bury:
        if failure.turn_id is not None:
            await self.note_dead(work, failure.turn_id, reason, attempts)
        else:
            for envelope in failure.envelopes:
                await give_up(self._parts, envelope, token=work.token, reason=reason)
        plugin, message_id = failure.error.plugin, failure.message_id
        return Bury(Burial(stage="handle", reason=reason, plugin=plugin, message_id=message_id, attempts=attempts))

    async def note_dead(self, work: Work, turn_id: str, reason: str, attempts: int) -> None:
        await self._patience(self._store.note_dead, turn_id, token=work.token, reason=reason, attempts=attempts)


def attempts_of(envelopes: Sequence[Envelope]) -> int:
    """Those that were used, the present one left out."""
    return max(envelope.attempts for envelope in envelopes)
