"""What a step of the pipeline is given."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, fields
from datetime import datetime

from auzap.contract.channel import Channel
from auzap.contract.queue import Envelope
from auzap.model.message import Message
from auzap.model.people import Sender
from auzap.pipeline.instances import Instances
from auzap.pipeline.patience import Patience
from auzap.pipeline.traces import Traces
from auzap.services.clock import utc_now
from auzap.storage.store import Store
from auzap.tenants.runtime import Tenant

__all__ = ["Parts", "Permit", "Sending", "Settings", "Taken", "Work"]

#: (key, most, per) -> seconds to wait
Permit = Callable[[str, int, float], Awaitable[float]]


@dataclass(slots=True, kw_only=True)
class Settings:
    """The figures of the configuration that steps need; seconds. They change when another configuration is taken."""

    attempts: int
    backoff_delay: float
    backoff_exponential: bool
    stale_after: float
    give_up_after: float

    def change(self, to: Settings) -> None:
        for field in fields(to):
            setattr(self, field.name, getattr(to, field.name))

    def backoff(self, attempts: int) -> float:
        """Seconds to wait after so many attempts."""
        return self.backoff_delay * (2 ** (attempts - 1) if self.backoff_exponential else 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the steps share.

    :param traces: where who was asked and what was said is kept.
    :param reached: told the name of each point that a turn passes; for tests that end the process there.
    :param tell: the time, aware; tests put it forward.
    """

    store: Store
    permit: Permit
    instances: Instances
    patience: Patience
    settings: Settings
    traces: Traces
    reached: Callable[[str], None]
    tell: Callable[[], datetime] = utc_now


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """Envelopes of one lane to be worked as one turn, under one lease."""

    tenant: Tenant
    channel: Channel
    lane: str
    token: int
    envelopes: tuple[Envelope, ...]
    #: asked before a turn is handled or sent; False: it is to go back
    begin: Callable[[], Awaitable[bool]]
    #: told when a turn is handled, and has only to be stored before it is sent
    pause: Callable[[], None]
    #: told when nothing is left to do but to note what was done
    finished: Callable[[], None]

    @property
    def instance_id(self) -> str:
        return self.envelopes[0].instance


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """An envelope whose message was read.

    :param reason: why it is not answered.
    :param sender: None when it is not answered: nobody was asked who wrote it.
    """

    envelope: Envelope
    message: Message
    reason: str | None
    sender: Sender | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """Whose replies go out: for the log, and for the conditions of a send."""

    job_id: str
    began_at: datetime
    #: seconds since 1970
    accepted_at: float
    message_id: str | None
    is_owner: bool
    #: of the tenant's configuration that answered; None: it was another attempt's, and stands in the outbox
    config_version: str | None = None
