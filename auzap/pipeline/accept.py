"""Accept: what was posted becomes envelopes."""

from __future__ import annotations

import time
from typing import Any

from auzap.contract.channel import Arrival, Channel
from auzap.contract.queue import Envelope
from auzap.model.keys import dedupe_key, lane_key, new_id
from auzap.storage.store import DueReply

__all__ = ["accept", "outbound"]


def accept(tenant: str, instance: str, channel: type[Channel], posted: Any) -> list[Envelope]:
    """One envelope a message, in the order of the channel.

    :raises BadPayload: it is not the channel's form.
    """
    accepted_at = time.time()
    return [_envelope(tenant, instance, channel.name, arrival, accepted_at) for arrival in channel.receive(posted)]


def _envelope(tenant: str, instance: str, channel: str, arrival: Arrival, accepted_at: float) -> Envelope:
    return Envelope(
        id=new_id(),
        tenant=tenant,
        instance=instance,
        channel=channel,
        kind=arrival.kind,
        lane=lane_key(tenant, instance, arrival.chat_id, side=arrival.kind == "event"),
        dedupe=None if arrival.identity is None else dedupe_key(tenant, instance, *arrival.identity),
        payload=arrival.payload,
        accepted_at=accepted_at,
    )


def outbound(due: DueReply, channel: str) -> Envelope:
    """The job that sends a scheduled reply, in its chat's lane."""
    return Envelope(
        id=new_id(),
        tenant=due.organization_id,
        instance=due.instance_id,
        channel=channel,
        kind="outbound",
        lane=lane_key(due.organization_id, due.instance_id, due.chat_id),
        dedupe=dedupe_key(due.organization_id, due.instance_id, "outbound", due.id),
        payload={"outbox_id": due.id},
        accepted_at=time.time(),
    )
