"""Plugins that fail for a while, that remember, and that ask each other."""

from __future__ import annotations

from pathlib import Path

import auzap
from auzap import Delivery, Message, Receipt, Reply, State, Turn


class Shaky(auzap.Plugin):
    """Fails as often as it is told to, then answers. Counts its calls in a file."""

    class Options(auzap.Options):
        calls: str
        fails: int = 0

    @auzap.hookimpl
    async def handle_message(self, message: Message) -> Reply:
        self._fail()
        return Reply(f"ok: {message.text}")

    def _fail(self) -> None:
        calls = Path(self.options.calls)
        with calls.open("a", encoding="utf-8") as file:
            file.write(".")
        if calls.stat().st_size <= self.options.fails:
            raise ConnectionError("the CRM is away")


class Courier(Shaky):
    """The same, where replies leave."""

    @auzap.hookimpl
    async def handle_message(self, message: Message) -> None: ...  # type: ignore[override]

    @auzap.hookimpl
    async def send_reply(self, delivery: Delivery) -> Receipt | None:
        self._fail()
        return None


class Counting(auzap.Plugin):
    """Says how many messages of the chat it has seen."""

    @auzap.hookimpl
    async def handle_message(self, message: Message, turn: Turn, state: State) -> Reply | None:
        number = await state.get("seen", 0) + 1
        state.set("seen", number)
        if message.text.startswith("!fail") and turn.attempt == 1:
            raise RuntimeError("after it was set")
        return None if message.text.startswith("!pass") else Reply(f"{self.name} {number}")


class Specs:
    @auzap.hookspec
    async def offers(self, product: str) -> str | None:
        """What there is of a product."""


class Market(auzap.Plugin):
    """Asks all stalls."""

    hookspecs = Specs

    @auzap.hookimpl
    async def handle_message(self, message: Message) -> Reply:
        return Reply(", ".join(await self.hooks.all("offers", product=message.text)))


class Stall(auzap.Plugin):
    @auzap.hookimpl(optionalhook=True)
    async def offers(self, product: str) -> str:
        return f"{product} de {self.name}"
