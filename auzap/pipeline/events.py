"""Events: receipts, echoes, edits, takeovers. They change rows and are told to plugins; nobody answers them."""

from __future__ import annotations

from auzap.contract.queue import Burial, Envelope
from auzap.logs import get_logger
from auzap.model.errors import BadPayload
from auzap.model.event import Event
from auzap.pipeline.admit import admit
from auzap.pipeline.normalize import normalize
from auzap.pipeline.record import accepted_at, inbound
from auzap.pipeline.verdicts import Ack, Bury, Verdict
from auzap.pipeline.work import Parts, Taken, Work
from auzap.storage.store import Person

__all__ = ["Events"]

log = get_logger("auzap.worker")

#: events that are no messages: they get no row in the inbox, their effect stands where it belongs
_BESIDE = ("receipt", "takeover", "handback")


class Events:
    def __init__(self, parts: Parts) -> None:
        self._store = parts.store
        self._patience = parts.patience
        self._settings = parts.settings

    async def run(self, work: Work, envelope: Envelope) -> Verdict:
        """:raises HookFailed: a plugin's ``normalize_message`` failed."""
        try:
            event = work.channel.event(envelope.payload)
            if event is None or event.kind not in _BESIDE:
                await self._record(work, envelope)
        except BadPayload as error:
            return Bury(Burial(stage="normalize", reason=str(error)))
        if event is not None:
            await self._take_effect(work, envelope, event)
            await work.tenant.hooks.handle_event(event, envelope.instance, work.tenant.store)
        return Ack()

    async def _record(self, work: Work, envelope: Envelope) -> None:
        message = await normalize(work.tenant.hooks, work.channel, envelope.payload)
        reason = admit(message, work.tenant, accepted_at=envelope.accepted_at, stale_after=self._settings.stale_after)
        taken = Taken(envelope=envelope, message=message, reason=reason or "event", sender=None)
        await self._patience(self._store.record, [inbound(taken, work.token)])

    async def _take_effect(self, work: Work, envelope: Envelope, event: Event) -> None:
        tenant = work.tenant.info.id
        if event.kind == "receipt" and event.message_id is not None and event.status is not None:
            message_id, status = event.message_id, event.status
            await self._patience(self._store.note_receipt, tenant, message_id, status)
        elif event.kind == "takeover":
            at = accepted_at(envelope)
            found = await self._patience(self._store.take_over, tenant, _person(event), at=at)
            log.info("Conversation taken over", organization_id=tenant, chat_id=event.chat_id, found=found)
        elif event.kind == "handback":
            found = await self._patience(self._store.hand_back, tenant, _person(event))
            log.info("Conversation handed back", organization_id=tenant, chat_id=event.chat_id, found=found)


def _person(event: Event) -> Person:
    return Person(phone=event.extras.get("contactPhone"), lid=event.extras.get("contactLid"), name=None)
