"""The other end of the number: takes what is sent, or does not."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

import anyio
from pydantic import ConfigDict

from auzap.channels.baileys import Baileys
from auzap.contract.channel import ChannelOptions
from auzap.model.errors import Refused, Unreachable
from auzap.model.keys import new_id
from auzap.model.reply import Delivery, Receipt

__all__ = ["Gateway", "Number", "Sent", "number_of"]


@dataclass(frozen=True, slots=True)
class Sent:
    """A message that arrived at somebody's phone.

    :param to: the chat's JID.
    :param key: the idempotency key, which is the id of its row in the outbox.
    :param provider_id: the gateway's id of it.
    """

    tenant: str
    instance: str
    to: str
    text: str
    key: str
    provider_id: str
    at: datetime


class Gateway:
    """Takes every message, until it is told otherwise. The same key again is the same message, as WhatsApp's are.

    :param tell: the time.
    """

    def __init__(self, tell: Callable[[], datetime]) -> None:
        self._tell = tell
        #: what arrived, in order
        self.sent: list[Sent] = []
        #: what was posted, repetitions and refusals included
        self.posted: list[Delivery] = []
        self._troubles: deque[_Trouble] = deque()
        self._by_key: dict[str, Sent] = {}

    def refuse(self, reason: str = "refused", *, times: int | None = 1, final: bool = False) -> None:
        """Say no to the next sends.

        :param times: how many; None: until ``recover()``.
        :param final: it is not worth another attempt (``not_on_whatsapp``).
        """
        self._troubles.append(_Trouble(times, Refused(reason, final=final)))

    def unreachable(self, reason: str = "connection refused", *, times: int | None = None) -> None:
        """Be away: nothing is taken, and no attempt is used."""
        self._troubles.append(_Trouble(times, Unreachable(reason)))

    def lose_answer(self, *, times: int | None = 1) -> None:
        """Take the next sends, but let nobody know: they are posted again, with the same key."""
        self._troubles.append(_Trouble(times, Refused("the answer was lost", final=False), takes=True))

    def slow(self, seconds: float, *, times: int | None = None) -> None:
        """Take so long for each of the next sends; these seconds are real."""
        self._troubles.append(_Trouble(times, None, delay=seconds))

    def recover(self) -> None:
        """Be as before."""
        self._troubles.clear()

    async def take(self, delivery: Delivery) -> Receipt:
        """:raises Refused: :raises Unreachable: as it was told."""
        self.posted.append(delivery)
        trouble = self._next()
        if trouble is not None:
            await anyio.sleep(trouble.delay)
        if trouble is None or trouble.takes or trouble.error is None:
            self._arrive(delivery)
        if trouble is not None and trouble.error is not None:
            raise trouble.error
        return Receipt(self._by_key[delivery.key].provider_id)

    def _arrive(self, delivery: Delivery) -> None:
        if delivery.key in self._by_key:
            return
        sent = Sent(
            tenant=delivery.organization_id,
            instance=delivery.instance_id,
            to=delivery.to,
            text=delivery.text,
            key=delivery.key,
            provider_id=f"3EB0{new_id().replace('-', '').upper()[-16:]}",
            at=self._tell(),
        )
        self._by_key[delivery.key] = sent
        self.sent.append(sent)

    def _next(self) -> _Trouble | None:
        while self._troubles and self._troubles[0].left == 0:
            self._troubles.popleft()
        if not self._troubles:
            return None
        trouble = self._troubles[0]
        if trouble.left is not None:
            trouble.left -= 1
        return trouble


@dataclass(slots=True)
class _Trouble:
    """:param left: sends that meet it; None: all."""

    left: int | None
    error: Exception | None
    takes: bool = False
    delay: float = 0.0


class NumberOptions(ChannelOptions):
    """Those of whatever channel it stands in for, of which it needs none."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Number(Baileys):
    """A connected number without a connection: Baileys' messages come in, and what leaves is the gateway's."""

    Options: ClassVar[type[ChannelOptions]] = NumberOptions
    gateway: ClassVar[Gateway]

    def __init__(self, tenant: str, instance: str, options: Any) -> None:
        super().__init__(tenant, instance, options.model_copy(update={"rate_limit": None}))

    async def send(self, delivery: Delivery) -> Receipt:
        return await self.gateway.take(delivery)

    async def probe(self) -> None:
        """It is always there to be asked."""

    async def __aenter__(self) -> Number:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Nothing is open."""


def number_of(gateway: Gateway) -> type[Number]:
    """The class of a bot's numbers."""
    return type("Number", (Number,), {"gateway": gateway})
