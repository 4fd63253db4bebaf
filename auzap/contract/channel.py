"""What a channel promises: the way in and the way out of one kind of connection."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from auzap.contract.normalizer import Normalizer
from auzap.contract.options import Duration
from auzap.model.event import Event
from auzap.model.message import Message
from auzap.model.reply import Delivery, Receipt

__all__ = ["Accept", "Arrival", "Channel", "ChannelOptions", "RateLimit"]


class RateLimit(BaseModel):
    """At most ``max`` in any span of ``per``."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    max: int = Field(default=10, ge=1, description="How many.")
    per: Duration = Field(default=1.0, gt=0, description="In which time.")


class ChannelOptions(BaseModel):
    """What an instance's mapping in the YAML may say; each channel adds its own keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    channel: str = Field(description="The kind of connection.")
    normalizer: str | Mapping[str, Any] | None = Field(
        default=None,
        description="Who reads what arrives before the channel does: the name of a normalizer that is installed, or "
        "{use: name} with its options.",
    )
    rate_limit: RateLimit | None = Field(
        default=RateLimit(),
        description="Messages sent from this number at most, by all workers together; null: no limit.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """One message or event as it came, and where it belongs.

    :param chat_id: the normalized chat JID: names the lane.
    :param identity: what makes two deliveries the same, besides tenant and instance; None is never a duplicate.
    :param payload: any JSON value; ``Channel.normalize`` or ``Channel.event`` reads it again later.
    """

    kind: Literal["message", "event"]
    chat_id: str
    identity: tuple[Any, ...] | None
    payload: Any


#: puts what the channel itself took in (console, demo) into the queue; the item is what ``receive`` splits
Accept = Callable[[Any], Awaitable[None]]


class Channel:
    """One connected number. A subclass a provider; an object an instance.

    ``receive``, ``normalize`` and ``event`` are pure: they need no connection and run anywhere.
    """

    #: the name in the YAML
    name: ClassVar[str]
    Options: ClassVar[type[ChannelOptions]] = ChannelOptions
    #: whether entering it waits for nothing, and holds nothing that only the same task can leave (a task group): then
    #: it needs no task of its own for as long as it is open
    enters_at_once: ClassVar[bool] = False
    #: the one that the instance names
    normalizer: Normalizer | None = None

    def __init__(self, tenant: str, instance: str, options: Any) -> None:
        self.tenant = tenant
        self.instance = instance
        self.options = options

    @classmethod
    def receive(cls, posted: Any) -> Sequence[Arrival]:
        """Split what was posted (a webhook's body, a job's ``message``) into one arrival a message.

        Accepts whatever an object with a key can be: what is odd about it is for ``normalize`` to find.

        :raises BadPayload: it is not even the channel's form; the other side is told.
        """
        raise NotImplementedError

    @classmethod
    def normalize(cls, payload: Any) -> Message:
        """:raises BadPayload: it is no message."""
        raise NotImplementedError

    @classmethod
    def event(cls, payload: Any) -> Event | None:
        """The event in a payload that arrived with kind ``event``; None when it tells nothing.

        :raises BadPayload: it is no event.
        """
        raise NotImplementedError

    async def send(self, delivery: Delivery) -> Receipt:
        """Post one text, once.

        :raises Unreachable: the provider took nothing.
        :raises Refused: it said no, or we do not know (a timeout, a connection that broke after the request left).
        """
        raise NotImplementedError

    async def probe(self) -> None:
        """Ask whether the provider can be reached; nothing is posted. The default has none.

        :raises Unreachable: it cannot.
        """

    async def listen(self, accept: Accept) -> None:
        """Take messages in by itself until cancelled (a terminal). The default has nothing to take in."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close what ``send`` opened."""
