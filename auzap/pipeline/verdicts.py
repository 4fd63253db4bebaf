"""What is to become of envelopes after their turn; the worker tells the queue."""

from __future__ import annotations

from dataclasses import dataclass

from auzap.contract.queue import Burial

__all__ = ["Ack", "Bury", "Defer", "Retry", "Settled", "Verdict"]


@dataclass(frozen=True, slots=True)
class Ack:
    """Done: answered, or left unanswered for a reason that is stored."""


@dataclass(frozen=True, slots=True)
class Retry:
    """The lane waits ``delay`` seconds, then its head is tried again.

    :param attempt: whether the handler used an attempt.
    """

    delay: float
    attempt: bool


@dataclass(frozen=True, slots=True)
class Defer:
    """The lane goes back unharmed until then (seconds since 1970)."""

    until: float


@dataclass(frozen=True, slots=True)
class Bury:
    """To the dead letters."""

    burial: Burial


Verdict = Ack | Retry | Defer | Bury


@dataclass(frozen=True, slots=True)
class Settled:
    """Envelopes and their verdict. After a ``Retry`` or ``Defer`` nothing of the lease follows."""

    ids: tuple[str, ...]
    verdict: Verdict
