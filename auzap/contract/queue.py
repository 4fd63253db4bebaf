"""What a queue backend promises.

An *envelope* holds one payload. Envelopes of one chat stand in one *lane*, in order. A *lease* hands a lane to one
worker, with a token that grows with every lease of that lane; what is done under a lease that is no longer valid
raises ``LeaseLost`` and changes nothing. Every call raises ``QueueUnavailable`` when the backend is away; then
nothing of it has happened, or repeating it does no harm.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Literal, Protocol, Self, runtime_checkable

__all__ = [
    "Burial",
    "DeadLetter",
    "Envelope",
    "Feeding",
    "Inspectable",
    "Inspection",
    "Kind",
    "Lease",
    "Queue",
    "Share",
    "Stats",
]

Kind = Literal["message", "event", "outbound"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """One payload with what the queue needs to know of it. Times are seconds since 1970, UTC."""

    id: str
    tenant: str
    instance: str
    channel: str
    kind: Kind
    lane: str
    #: the queue holds one envelope of a key at a time; None is never a duplicate
    dedupe: str | None
    #: any JSON value
    payload: Any
    accepted_at: float
    version: int = 1
    #: delayed until then; joins its lane's tail when due
    not_before: float | None = None
    #: attempts of the handler used so far
    attempts: int = 0
    #: how often a worker died, or lost the lease, while this envelope's turn was under way
    lost_leases: int = 0
    #: how often it was brought back from the dead letters
    revived: int = 0


@dataclass(frozen=True, slots=True)
class Lease:
    """A lane in the hands of one worker: up to 20 of its envelopes, the oldest first."""

    lane: str
    tenant: str
    token: int
    envelopes: tuple[Envelope, ...]


@dataclass(frozen=True, slots=True)
class Share:
    """How many lanes a tenant may hold in this worker.

    :param most: of one tenant, those already held included; None is no bound.
    :param held: tenant -> lanes that count against it: those that this worker holds now, and those that it would not
        take of this tenant.
    """

    most: int | None = None
    held: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Burial:
    """Why an envelope goes to the dead letters."""

    #: ``normalize``, ``handle``, ``send``, ``lost`` (its workers kept dying) or ``tenant``
    stage: str
    reason: str
    plugin: str | None = None
    message_id: str | None = None
    #: attempts in all, the last one included
    attempts: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """What could not be handled, kept whole."""

    id: str
    organization_id: str
    instance_id: str
    lane: str
    message_id: str | None
    stage: str
    plugin: str | None
    reason: str
    attempts: int
    payload: Any
    buried_at: float


@dataclass(frozen=True, slots=True)
class Stats:
    """Envelopes by state. ``delayed`` counts those not yet due and those whose lane waits for a retry."""

    waiting: int
    delayed: int
    leased: int
    dead: int


class Queue(Protocol):
    """A durable queue of lanes, shared by any number of processes. An async context manager."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    async def put(self, envelopes: Sequence[Envelope]) -> list[bool]:
        """Store them, all or none; durable when it returns.

        :return: for each, True when it was accepted, False when the queue holds one of the same dedupe key
            already (waiting, delayed, leased or dead), or the same envelope.
        """
        ...

    async def lease(
        self,
        worker: str,
        *,
        lanes: int,
        duration: float,
        wait: float,
        share: Share | None = None,
        side: bool = False,
    ) -> list[Lease]:
        """Take up to ``lanes`` lanes that are ready, tenants in turn; wait up to ``wait`` seconds for the first.

        Lanes of events are apart (``side``), so that they need not wait for a worker's other slots.

        Wakes at once for what this process puts, within 100 ms for what another one does. Returns ``[]`` when the
        time is over. A lease ends ``duration`` seconds from now unless it is renewed; then the lane is ready
        again and its first envelope, whose turn had begun, has one more in ``lost_leases``. Cancelled, it has taken
        nothing.
        """
        ...

    async def renew(self, leases: Iterable[Lease], *, duration: float) -> set[str]:
        """Hold on to them for ``duration`` seconds from now.

        :return: the lanes whose lease is lost.
        """
        ...

    async def ack(self, lease: Lease, ids: Sequence[str]) -> None:
        """These envelopes are done: nothing of them stays. The lane goes back when none of the lease is left."""
        ...

    async def bury(self, lease: Lease, ids: Sequence[str], burial: Burial) -> None:
        """As ``ack``, but they go to the dead letters."""
        ...

    async def retry(self, lease: Lease, ids: Sequence[str], *, delay: float, attempt: bool) -> None:
        """Give the lane back and hold it for ``delay`` seconds, order unchanged: its head is tried again then.

        :param attempt: whether ``ids`` used one of their attempts.
        """
        ...

    async def defer(self, lease: Lease, until: float) -> None:
        """Give the lane back unharmed, not to be leased before ``until`` (0: at once); no attempt is used."""
        ...

    async def wake(self, tenant: str, instance: str) -> None:
        """Make the instance's deferred lanes ready now (not those that wait for a retry)."""
        ...

    def blame(self, worker: str, envelope_id: str | None) -> None:
        """Give back all that ``worker`` holds, one more in ``lost_leases`` for ``envelope_id`` alone.

        Blocking and safe in any thread: for a process that is about to end because its event loop is stuck.
        """
        ...

    async def permit(self, key: str, *, most: int, per: float) -> float:
        """Reserve the next place under a limit that all processes share: ``most`` in any ``per`` seconds.

        :return: how many seconds to wait before going ahead; 0 at once.
        """
        ...

    async def stats(self) -> Stats: ...

    async def dead(self, *, tenant: str | None = None, limit: int = 100, after: str = "") -> list[DeadLetter]:
        """Dead letters by id, beyond ``after``."""
        ...

    async def dead_letter(self, id: str) -> DeadLetter | None: ...  # noqa: A002

    async def revive(self, ids: Sequence[str]) -> int:
        """Put dead letters at their lanes' tails, with fresh attempts, the same id and one more in ``revived``.

        :return: how many there were.
        """
        ...

    async def purge(self, *, ids: Sequence[str] | None = None, before: float | None = None) -> int:
        """Remove dead letters: these, or those buried before a time. Returns how many.

        :raises ValueError: neither is given.
        """
        ...


@dataclass(frozen=True, slots=True)
class Inspection:
    """What can be seen of a queue from outside.

    :param place: where it is, for people; no secret is in it.
    :param there: whether it is there; if not, it is made when it is first opened.
    :param mistakes: what would keep it from being opened, a line each.
    """

    place: str
    there: bool
    mistakes: tuple[str, ...] = ()


@runtime_checkable
class Inspectable(Protocol):
    """A queue that can be looked at without being opened: nothing is made or written, nobody is waited for."""

    def inspect(self) -> Inspection: ...

    def dead_ids(self, prefix: str, limit: int) -> list[str]:
        """Ids of dead letters that begin so; none where they cannot be seen."""
        ...


@runtime_checkable
class Feeding(Protocol):
    """A queue that another program fills in a form of its own, until a worker takes it over."""

    async def feed(self, accept: Callable[[Any], Sequence[Envelope]]) -> None:
        """Put what the other program left there into this queue, in order; until cancelled.

        Of all processes one does it at a time. Where something is away it waits, and goes on by itself.

        :param accept: the envelopes of one job; raises BadPayload where there can be none.
        """
        ...


@dataclass(frozen=True, slots=True)
class Examination:
    """What a queue's server says of itself, a line each, for people.

    :param facts: what it gives: its version, how what it holds is written to disk, its replicas.
    :param warnings: what may lose something, and what would be right.
    """

    facts: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@runtime_checkable
class Examinable(Protocol):
    """A queue on a server that can be asked what it promises; it need not be opened for it."""

    async def examine(self) -> Examination:
        """:raises QueueUnavailable: it is away. :raises ConfigError: it cannot be opened."""
        ...
