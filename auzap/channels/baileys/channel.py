"""The channel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

from auzap.channels.baileys import events, normalize, receive
from auzap.channels.baileys.options import BaileysOptions
from auzap.contract.channel import Arrival, Channel, ChannelOptions
from auzap.model.event import Event
from auzap.model.message import Message
from auzap.model.reply import Delivery, Receipt

if TYPE_CHECKING:
    from auzap.channels.baileys.send import Gateway

__all__ = ["Baileys"]


class Baileys(Channel):
    """A WhatsApp number behind a Baileys gateway."""

    name: ClassVar[str] = "baileys"
    Options: ClassVar[type[ChannelOptions]] = BaileysOptions
    enters_at_once: ClassVar[bool] = True

    options: BaileysOptions
    _gateway: Gateway | None = None

    @classmethod
    def receive(cls, posted: Any) -> Sequence[Arrival]:
        return receive.receive(posted)

    @classmethod
    def normalize(cls, payload: Any) -> Message:
        return normalize.normalize(payload)

    @classmethod
    def event(cls, payload: Any) -> Event | None:
        return events.event(payload)

    async def send(self, delivery: Delivery) -> Receipt:
        if self._gateway is None:
            raise RuntimeError("send only inside `async with channel`")
        return await self._gateway.post(delivery)

    async def probe(self) -> None:
        if self._gateway is None:
            raise RuntimeError("probe only inside `async with channel`")
        await self._gateway.probe()

    async def __aenter__(self) -> Self:
        from auzap.channels.baileys.send import Gateway  # most commands send nothing

        token = self.options.token.get_secret_value() if self.options.token is not None else None
        self._gateway = Gateway(self.options.url, token, timeout=self.options.timeout)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._gateway is not None:
            await self._gateway.close()
            self._gateway = None
