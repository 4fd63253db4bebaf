"""Type as a customer or as the owner, and read the replies."""

from __future__ import annotations

import sys
from typing import Annotated, Any, ClassVar

import anyio
from pydantic import AfterValidator, Field

from auzap.channels.console import posted
from auzap.channels.console.keyboard import Keyboard
from auzap.channels.console.screen import Screen
from auzap.contract.channel import Accept, ChannelOptions
from auzap.model.keys import new_id
from auzap.model.phones import phone_key, same_person, typed_digits
from auzap.model.reply import Delivery, Receipt

__all__ = ["Console", "ConsoleOptions", "Role"]

_AS_OWNER = ("/dono", "/owner")


def _digits(typed: str) -> str:
    digits = typed_digits(typed)
    if digits is None or phone_key(digits) is None:
        raise ValueError('expected a phone number, such as "+55 11 90000-0010"')
    return digits


Phone = Annotated[str, AfterValidator(_digits)]


class ConsoleOptions(ChannelOptions):
    """Who writes. The owner's number must be among the tenant's ``owners`` to be taken for one."""

    client: Phone = Field(default="5511900000010", description="The customer's number.")
    owner: Phone = Field(default="5511900000001", description="The owner's number.")


class Role:
    """One of the two people at the terminal."""

    def __init__(self, label: str, phone: str, name: str) -> None:
        self.label = label
        self.phone = phone
        self.name = name


class Console(posted.PostedChannel):
    """What is typed arrives as the customer's message, after ``/dono`` as the owner's."""

    name: ClassVar[str] = "console"
    Options: ClassVar[type[ChannelOptions]] = ConsoleOptions

    options: ConsoleOptions

    def __init__(self, tenant: str, instance: str, options: Any) -> None:
        super().__init__(tenant, instance, options)
        self.customer = Role("customer", self.options.client, "Cliente")
        self.owner = Role("owner", self.options.owner, "Dono")
        self.keyboard = Keyboard(sys.stdin)
        self.screen = Screen()

    async def send(self, delivery: Delivery) -> Receipt:
        phone = delivery.to.partition("@")[0]
        known = next((role for role in (self.customer, self.owner) if same_person(role.phone, phone)), None)
        self.screen.replied(known.label if known is not None else delivery.to, delivery.text)
        return Receipt(new_id())

    async def listen(self, accept: Accept) -> None:
        if self.keyboard.is_terminal:
            self.screen.hint('Type a message and press Enter; "/dono resumo" writes as the owner; Ctrl-C ends.')
        await self.take_lines(accept)

    async def take_lines(self, accept: Accept) -> None:
        """Take in what is typed; at its end, wait to be cancelled."""
        try:
            async for line in self.keyboard.lines():
                role, text = self._read(line)
                if text:
                    if not self.keyboard.is_terminal:  # which shows what is typed by itself
                        self.screen.said(role.label, text)
                    await accept(posted.compose(role.phone, role.name, text))
        except anyio.BusyResourceError:
            self.screen.hint(f"{self.tenant}/{self.instance}: another console has the keyboard.")
        await anyio.sleep_forever()

    def _read(self, line: str) -> tuple[Role, str]:
        command, _, rest = line.strip().partition(" ")
        return (self.owner, rest.strip()) if command in _AS_OWNER else (self.customer, line.strip())
