"""A short conversation that plays by itself, so that a newcomer sees the bot at work."""

from __future__ import annotations

from typing import Annotated, ClassVar, Self

import anyio
from pydantic import BaseModel, ConfigDict, Field, model_validator

from auzap.channels.console import posted
from auzap.channels.console.console import Console, ConsoleOptions
from auzap.contract.channel import Accept, ChannelOptions
from auzap.contract.options import Duration
from auzap.model.reply import Delivery, Receipt

__all__ = ["Demo", "DemoOptions", "Line"]

_NEXT = (
    'Try next: type a message and press Enter to write as the customer, "/dono ajuda" to write as the owner.',
    "Then make it yours: open config.yaml, put in your owners' numbers and connect a real one (channel: baileys).",
)


class Line(BaseModel):
    """One line of the script: what the customer says, or the owner."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    client: str | None = Field(default=None, description="What the customer says.")
    owner: str | None = Field(default=None, description="What the owner says.")

    @model_validator(mode="after")
    def _of_one_person(self) -> Self:
        if (self.client is None) == (self.owner is None):
            raise ValueError('a line is "client: text" or "owner: text"')
        return self


_SCRIPT = (
    Line(client="Oi, tudo bem? Vocês abrem no sábado?"),
    Line(owner="resumo"),
    Line(client="Tá bom, fico no aguardo. Obrigado!"),
)


class DemoOptions(ConsoleOptions):
    """Who talks, and what is said."""

    script: tuple[Line, ...] | None = Field(
        default=None,
        description="The lines to play; null: a customer asks, the owner wants to know how the day went, "
        "the customer says thanks.",
    )
    pause: Annotated[Duration, Field(ge=0)] = Field(default=1.0, description="Before each line, for reading.")
    wait: Annotated[Duration, Field(ge=0)] = Field(
        default=5.0, description="How long a line waits for its answer at most."
    )


class Demo(Console):
    """Plays its script, says what to try next, then takes in what is typed."""

    name: ClassVar[str] = "demo"
    Options: ClassVar[type[ChannelOptions]] = DemoOptions

    options: DemoOptions
    _answered: anyio.Event | None = None

    async def send(self, delivery: Delivery) -> Receipt:
        receipt = await super().send(delivery)
        if self._answered is not None:
            self._answered.set()
        return receipt

    async def listen(self, accept: Accept) -> None:
        for line in _SCRIPT if self.options.script is None else self.options.script:
            await anyio.sleep(self.options.pause)
            await self._say(line, accept)
        if self.keyboard.is_terminal:
            await anyio.sleep(self.options.pause)  # the last turn's lines in the log come first
            for hint in _NEXT:
                self.screen.hint(hint)
            await self.take_lines(accept)
        await anyio.sleep_forever()

    async def _say(self, line: Line, accept: Accept) -> None:
        """One line, and the wait for its answer."""
        role, text = (self.customer, line.client) if line.client is not None else (self.owner, line.owner)
        self._answered = anyio.Event()
        self.screen.said(role.label, text or "")
        await accept(posted.compose(role.phone, role.name, text or ""))
        with anyio.move_on_after(self.options.wait):
            await self._answered.wait()
