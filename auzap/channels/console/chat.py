"""The console's form of messages for a conversation that somebody else shows: nothing is read or printed here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from pydantic import ConfigDict

from auzap.channels.console import posted
from auzap.contract.channel import ChannelOptions
from auzap.model.keys import new_id
from auzap.model.reply import Delivery, Receipt

__all__ = ["Chat"]


class ChatOptions(ChannelOptions):
    """Those of whatever channel it stands in for, of which it needs none."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Chat(posted.PostedChannel):
    """Whoever shows the conversation sets ``heard``, which is told all that is sent."""

    name: ClassVar[str] = "console"
    Options: ClassVar[type[ChannelOptions]] = ChatOptions

    def __init__(self, tenant: str, instance: str, options: Any) -> None:
        super().__init__(tenant, instance, options)
        self.heard: Callable[[Delivery], None] = _nobody

    async def send(self, delivery: Delivery) -> Receipt:
        self.heard(delivery)
        return Receipt(new_id())


def _nobody(_: Delivery) -> None:
    """Before somebody listens."""
