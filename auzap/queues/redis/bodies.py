"""Envelopes as Redis holds them, and back.

A body is a head of fixed places, which the scripts read and change, the four texts of it, and then JSON, which they do
not look into. JSON is written in ASCII, so that lone surrogates and NUL, which a payload may hold, survive.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from struct import Struct
from typing import Any

from auzap.contract.queue import Burial, DeadLetter, Envelope, Lease
from auzap.model.nesting import encoded

__all__ = ["body_of", "burial_text", "dedupe_argument", "lease_of", "letter_of", "micros", "plain", "raw"]

#: attempts, lost leases, times revived, side; lengths of lane, tenant, instance and dedupe key (one more; 0: none)
_HEAD = Struct(">IIIBIIII")

_decode = json.JSONDecoder().decode


def raw(text: str) -> bytes:
    """A chat's address comes from outside and may have lone surrogates."""
    return text.encode("utf-8", "surrogatepass")


def plain(text: bytes) -> str:
    """What ``raw`` was given."""
    return text.decode("utf-8", "surrogatepass")


def micros(seconds: float) -> bytes:
    """As the scripts count time. What is beyond all times is as far as they can count."""
    return b"%d" % round(max(min(seconds * 1_000_000, 9e15), -9e15))


def body_of(envelope: Envelope) -> bytes:
    """:raises BadPayload: it is nested too deeply to be read again."""
    rest = [
        envelope.channel,
        envelope.kind,
        envelope.version,
        envelope.accepted_at,
        envelope.not_before,
        envelope.payload,
    ]
    text = encoded(rest, around=1)
    lane, tenant, instance = raw(envelope.lane), raw(envelope.tenant), raw(envelope.instance)
    dedupe = b"" if envelope.dedupe is None else raw(envelope.dedupe)
    head = _HEAD.pack(
        envelope.attempts,
        envelope.lost_leases,
        envelope.revived,
        envelope.kind == "event",
        len(lane),
        len(tenant),
        len(instance),
        0 if envelope.dedupe is None else len(dedupe) + 1,
    )
    return b"".join((head, lane, tenant, instance, dedupe, text.encode("ascii")))


def envelope_of(envelope_id: bytes, body: bytes) -> Envelope:
    attempts, lost, revived, _, lane, tenant, instance, dedupe = _HEAD.unpack_from(body)
    lane_end = _HEAD.size + lane
    tenant_end = lane_end + tenant
    instance_end = tenant_end + instance
    end = instance_end + dedupe - 1 if dedupe else instance_end
    channel, kind, version, accepted_at, not_before, payload = _decode(body[end:].decode("ascii"))
    return Envelope(
        id=plain(envelope_id),
        tenant=plain(body[lane_end:tenant_end]),
        instance=plain(body[tenant_end:instance_end]),
        channel=channel,
        kind=kind,
        lane=plain(body[_HEAD.size : lane_end]),
        dedupe=plain(body[instance_end:end]) if dedupe else None,
        payload=payload,
        accepted_at=accepted_at,
        version=version,
        not_before=not_before,
        attempts=attempts,
        lost_leases=lost,
        revived=revived,
    )


def lease_of(lane: bytes, token: int, found: Sequence[bytes]) -> Lease:
    """:param found: id and body of each envelope."""
    envelopes = tuple(map(envelope_of, found[::2], found[1::2]))
    return Lease(plain(lane), envelopes[0].tenant, token, envelopes)


def letter_of(envelope_id: bytes, burial: bytes, buried_at: bytes, body: bytes) -> DeadLetter:
    envelope = envelope_of(envelope_id, body)
    why: dict[str, Any] = _decode(burial.decode("ascii"))
    return DeadLetter(
        id=envelope.id,
        organization_id=envelope.tenant,
        instance_id=envelope.instance,
        lane=envelope.lane,
        payload=envelope.payload,
        buried_at=float(buried_at) / 1_000_000,
        **why,
    )


def burial_text(burial: Burial) -> bytes:
    return encoded(asdict(burial)).encode("ascii")


def dedupe_argument(envelope: Envelope) -> bytes:
    """As ``settle.ack`` takes it: nothing is no key, and not the empty one."""
    return b"" if envelope.dedupe is None else b"=" + raw(envelope.dedupe)
