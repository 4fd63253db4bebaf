"""Envelopes and dead letters as rows, and back.

JSON is written in ASCII, so that lone surrogates and NUL, which a payload may hold, survive.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from auzap.contract.queue import Burial, DeadLetter, Envelope
from auzap.model.nesting import encoded

__all__ = [
    "COLUMNS",
    "LETTER_COLUMNS",
    "PACKED",
    "burial_text",
    "envelope_of",
    "letter_of",
    "plain",
    "row_of",
    "stored",
]

#: of ``row_of`` and ``envelope_of``
COLUMNS = (
    "id, tenant, instance, channel, kind, lane, dedupe, version, accepted_at, not_before, "
    "attempts, lost_leases, revived, payload"
)
#: the same as JSON takes them: a time with all its digits, and no time as 0
PACKED = COLUMNS.replace("accepted_at, not_before", "printf('%!.17g', accepted_at), printf('%!.17g', not_before)")
#: of ``letter_of``
LETTER_COLUMNS = "id, tenant, instance, lane, burial, payload, buried_at"


def row_of(envelope: Envelope) -> tuple[Any, ...]:
    """:raises BadPayload: it is nested too deeply to be read again."""
    payload = encoded(envelope.payload)
    return (
        stored(envelope.id),
        stored(envelope.tenant),
        stored(envelope.instance),
        stored(envelope.channel),
        envelope.kind,
        stored(envelope.lane),
        None if envelope.dedupe is None else stored(envelope.dedupe),
        envelope.version,
        envelope.accepted_at,
        envelope.not_before,
        envelope.attempts,
        envelope.lost_leases,
        envelope.revived,
        payload,
    )


def envelope_of(row: Sequence[Any]) -> Envelope:
    return Envelope(
        id=plain(row[0]),
        tenant=plain(row[1]),
        instance=plain(row[2]),
        channel=plain(row[3]),
        kind=row[4],
        lane=plain(row[5]),
        dedupe=None if row[6] is None else plain(row[6]),
        version=row[7],
        accepted_at=float(row[8]),
        not_before=float(row[9]) or None,
        attempts=row[10],
        lost_leases=row[11],
        revived=row[12],
        payload=json.loads(row[13]),
    )


def letter_of(row: tuple[Any, ...]) -> DeadLetter:
    burial = json.loads(row[4])
    return DeadLetter(
        id=plain(row[0]),
        organization_id=plain(row[1]),
        instance_id=plain(row[2]),
        lane=plain(row[3]),
        payload=json.loads(row[5]),
        buried_at=row[6],
        **burial,
    )


def burial_text(burial: Burial) -> str:
    return encoded(asdict(burial))


def stored(text: str) -> str:
    """As SQLite can hold it: a chat's address comes from outside and may have lone surrogates."""
    if "\\" not in text:
        try:
            text.encode()
        except UnicodeEncodeError:
            pass
        else:
            return text
    return text.encode("unicode_escape").decode()


def plain(text: str) -> str:
    """What ``stored`` was given."""
    return text.encode().decode("unicode_escape") if "\\" in text else text
