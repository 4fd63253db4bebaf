"""Send: each pending reply in order, claimed first, noted after."""

from __future__ import annotations

from collections.abc import Sequence

import anyio

from auzap.contract.channel import Channel
from auzap.contract.queue import Burial
from auzap.logs import get_logger
from auzap.model.errors import HookFailed, PluginPaused, Refused, Unreachable
from auzap.model.reply import Delivery, Receipt, Reply
from auzap.pipeline.verdicts import Ack, Bury, Defer, Retry, Verdict
from auzap.pipeline.work import Parts, Sending, Work
from auzap.storage.store import StoredReply

__all__ = ["Sender"]

log = get_logger("auzap.worker")


class Sender:
    """Takes stored replies to their channel."""

    def __init__(self, parts: Parts) -> None:
        self._store = parts.store
        self._permit = parts.permit
        self._instances = parts.instances
        self._patience = parts.patience
        self._settings = parts.settings
        self._reached = parts.reached
        self._tell = parts.tell

    async def send_all(self, work: Work, replies: Sequence[StoredReply], sending: Sending) -> Verdict:
        """:raises LeaseLost: another worker may hold the lane; it will send them."""
        for reply in replies:
            verdict = await self._send(work, reply, sending, last=reply is replies[-1])
            if verdict is not None:
                return verdict
        return Ack()

    async def _send(self, work: Work, reply: StoredReply, sending: Sending, *, last: bool) -> Verdict | None:
        """One reply. None: go on with the next."""
        tenant, instance = reply.organization_id, reply.instance_id
        until = self._instances.closed_until(tenant, instance)
        if until is not None:
            return await self._wait_for_instance(work, reply, sending, until, "instance unreachable")
        if not reply.claimed:
            await self._wait_for_permit(work.channel, tenant, instance)
            claim = await self._patience(self._store.claim, reply.id, token=work.token, began_at=sending.began_at)
            if claim == "taken_over":
                log.info("Message not answered", organization_id=tenant, reason=claim, message_id=sending.message_id)
                return Ack()
            if claim == "settled":
                return None
        self._reached("after_claim")
        self._instances.probe(tenant, instance)
        try:
            receipt = await self._post(work, reply)
        except Unreachable as error:
            return await self._unreachable(work, reply, sending, error)
        except PluginPaused as error:
            return await self._paused(work, reply, sending, error)
        except Refused as error:
            await self._instances.reached(tenant, instance)
            return await self._refused(work, reply, sending, error)
        self._reached("after_accepted")
        if last:
            work.finished()
        await self._patience(self._store.note_sent, reply.id, token=work.token, provider_id=receipt.message_id)
        await self._instances.reached(tenant, instance)
        self._reached("after_note")
        log.info(
            "Message processed and response sent",
            job_id=sending.job_id,
            organization_id=tenant,
            instance_id=instance,
            message_id=receipt.message_id,
            is_owner=sending.is_owner,
            config_version=sending.config_version,
        )
        return None

    async def _wait_for_permit(self, channel: Channel, tenant: str, instance: str) -> None:
        limit = channel.options.rate_limit
        if limit is not None:
            wait = await self._patience(self._permit, f"send/{tenant}/{instance}", limit.max, limit.per)
            if wait > 0:
                await anyio.sleep(wait)

    async def _post(self, work: Work, reply: StoredReply) -> Receipt:
        delivery = Delivery(
            organization_id=reply.organization_id,
            instance_id=reply.instance_id,
            to=reply.chat_id,
            text=reply.text,
            key=reply.id,
        )
        try:
            answered = await work.tenant.hooks.send_reply(Reply(reply.text, reply.not_before), delivery)
            return answered.value if answered is not None else await work.channel.send(delivery)
        except (Unreachable, Refused, PluginPaused):
            raise
        except HookFailed as error:
            told = error.__cause__
            if isinstance(told, (Unreachable, Refused)):
                raise told from error
            raise Refused(str(error), final=False) from error
        except Exception as error:
            raise Refused(f"channel {work.channel.name}: {type(error).__name__}: {error}", final=False) from error

    # ------------------------------------------------------------------ what the failure table says

    async def _unreachable(self, work: Work, reply: StoredReply, sending: Sending, error: Unreachable) -> Verdict:
        until = self._instances.failed(reply.organization_id, reply.instance_id, str(error))
        await self._patience(self._store.note_unsent, reply.id, token=work.token, reason=str(error), attempt=False)
        return await self._wait_for_instance(work, reply, sending, until, str(error))

    async def _wait_for_instance(
        self, work: Work, reply: StoredReply, sending: Sending, until: float, reason: str
    ) -> Verdict:
        if self.given_up(reply.organization_id, reply.instance_id, sending.accepted_at):
            reason = f"given up: {reason}"
            await self._patience(self._store.note_refused, reply.id, token=work.token, reason=reason)
            return self._bury(reply, sending, reason, reply.attempts)
        return Defer(until)

    def given_up(self, tenant: str, instance: str, accepted_at: float) -> bool:
        """Whether a turn has waited too long for an instance that cannot be reached."""
        since = self._instances.unreachable_since(tenant, instance)
        return since is not None and self._tell().timestamp() - max(since, accepted_at) > self._settings.give_up_after

    async def _paused(self, work: Work, reply: StoredReply, sending: Sending, error: PluginPaused) -> Verdict:
        """A plugin that sends is left alone for a while. It took nothing."""
        await self._patience(self._store.note_unsent, reply.id, token=work.token, reason=str(error), attempt=False)
        last = max(error.since, sending.accepted_at) + self._settings.give_up_after
        if self._tell().timestamp() < last:
            return Defer(min(error.until, last))
        reason = f"given up: {error}"
        await self._patience(self._store.note_refused, reply.id, token=work.token, reason=reason)
        return self._bury(reply, sending, reason, reply.attempts)

    async def _refused(self, work: Work, reply: StoredReply, sending: Sending, error: Refused) -> Verdict:
        reason, attempts = str(error), reply.attempts + 1
        if not error.final:
            attempts = await self._patience(
                self._store.note_unsent, reply.id, token=work.token, reason=reason, attempt=True
            )
            if attempts < self._settings.attempts:
                log.warning(
                    "Send refused, to be repeated",
                    job_id=sending.job_id,
                    organization_id=reply.organization_id,
                    reply_id=reply.id,
                    attempt=attempts,
                    error=reason,
                )
                return Retry(self._settings.backoff(attempts), attempt=False)
        await self._patience(self._store.note_refused, reply.id, token=work.token, reason=reason)
        return self._bury(reply, sending, reason, attempts)

    def _bury(self, reply: StoredReply, sending: Sending, reason: str, attempts: int) -> Bury:
        return Bury(Burial(stage="send", reason=reason, message_id=sending.message_id, attempts=attempts))
