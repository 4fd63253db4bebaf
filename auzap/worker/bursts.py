"""Which envelopes of a lease are one turn."""

from __future__ import annotations

import time
from collections.abc import Sequence

from auzap.config.models import Burst
from auzap.contract.queue import Envelope

__all__ = ["open_until", "turns"]


def turns(envelopes: Sequence[Envelope], burst: Burst | None) -> list[tuple[Envelope, ...]]:
    """Each envelope is a turn of its own; with a burst, what came within the window is one.

    In a group several people write at once: there each message is answered by itself.
    """
    if envelopes and envelopes[0].lane.endswith("@g.us"):
        burst = None
    groups: list[list[Envelope]] = []
    for envelope in envelopes:
        if groups and burst is not None and _belongs(envelope, groups[-1], burst):
            groups[-1].append(envelope)
        else:
            groups.append([envelope])
    return [tuple(group) for group in groups]


def open_until(turn: Sequence[Envelope], burst: Burst | None, *, now: float | None = None) -> float | None:
    """When the window of a turn closes (seconds since 1970); None when it is closed or there is none.

    :param now: by default the time.
    """
    if burst is None or turn[0].kind != "message" or _worked_before(turn):
        return None
    closes = min(turn[-1].accepted_at + burst.window, turn[0].accepted_at + burst.max)
    return closes if closes > (time.time() if now is None else now) else None


def _belongs(envelope: Envelope, group: Sequence[Envelope], burst: Burst) -> bool:
    return (
        envelope.kind == "message" == group[0].kind
        and 0 <= envelope.accepted_at - group[-1].accepted_at <= burst.window  # what was brought back is older
        and envelope.accepted_at - group[0].accepted_at <= burst.max
    )


def _worked_before(turn: Sequence[Envelope]) -> bool:
    """A retry does not open the window again."""
    return any(envelope.attempts or envelope.lost_leases for envelope in turn)
