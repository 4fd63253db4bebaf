"""Plugins that are swapped while they work: one whose replies say which configuration made it, one with a lifespan."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import anyio
from pydantic import Field, field_validator

import auzap
from auzap import Message, Reply
from auzap.channels.console.posted import PostedChannel
from auzap.contract.channel import ChannelOptions
from auzap.model.reply import Delivery, Receipt


class Stamp(auzap.Plugin):
    """Answers with its mark, twice: what it knew at its begin, and what it knows at its end."""

    class Options(auzap.Options):
        mark: str
        delay: auzap.Duration = 0.0
        gate: str = ""

        @field_validator("mark")
        @classmethod
        def _known(cls, mark: str) -> str:
            if mark.startswith("bad"):
                raise ValueError("should be a good mark")
            return mark

    @auzap.hookimpl
    async def handle_message(self, message: Message) -> Reply:
        before = self.options.mark
        if self.options.gate and message.text.startswith("!gate"):
            while not Path(self.options.gate).exists():  # noqa: ASYNC110, ASYNC240 - the test opens it
                await asyncio.sleep(0.01)
        await asyncio.sleep(self.options.delay)
        return Reply(f"{before}/{self.options.mark} {message.text}")


class Living(auzap.Plugin):
    """Notes in a file what its lifespan does, and in which task: ``open shop one 1234``."""

    class Options(auzap.Options):
        file: str
        mark: str = ""
        does: Literal[
            "well", "raises", "exits", "hangs", "deaf", "dies", "raises at its end", "hangs at its end", "slow"
        ] = "well"

    async def _tick(self) -> None:
        while not Path(f"{self.options.file}.die").exists():  # noqa: ASYNC110, ASYNC240 - the test tells it
            await asyncio.sleep(0.01)
        if self.options.does == "dies":
            raise LookupError("the connection is lost")

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        await self._begin()
        async with anyio.create_task_group() as group:
            group.start_soon(self._tick)
            self._note("open")
            try:
                yield
            finally:
                self._note("close")
                await self._end()
                group.cancel_scope.cancel()

    async def _begin(self) -> None:
        match self.options.does:
            case "raises":
                raise LookupError("no such server")
            case "exits":
                raise SystemExit(3)
            case "hangs":
                await asyncio.sleep(3600)
            case "deaf":
                while not Path(f"{self.options.file}.die").exists():  # noqa: ASYNC240
                    with suppress(asyncio.CancelledError):
                        await asyncio.sleep(0.01)
            case "slow":
                await asyncio.sleep(0.1)

    async def _end(self) -> None:
        match self.options.does:
            case "raises at its end":
                raise LookupError("it does not close")
            case "hangs at its end":
                with suppress(asyncio.CancelledError):
                    await asyncio.sleep(3600)

    def _note(self, what: str) -> None:
        with Path(self.options.file).open("a", encoding="utf-8") as file:
            file.write(f"{what} {self.tenant.id} {self.options.mark} {id(asyncio.current_task())} {os.getpid()}\n")


class LivingOptions(ChannelOptions):
    file: str = Field(description="Where it notes what it does.")
    token: str = Field(default="", description="Its credentials.")


class LivingChannel(PostedChannel):
    """Holds a task group open, and listens."""

    name: ClassVar[str] = "living"
    Options: ClassVar[type[ChannelOptions]] = LivingOptions

    options: LivingOptions
    _group: Any = None

    async def __aenter__(self) -> Self:
        self._group = anyio.create_task_group()
        await self._group.__aenter__()
        self._note("open")
        return self

    async def __aexit__(self, *error: Any) -> None:
        self._note("close")
        self._group.cancel_scope.cancel()
        await self._group.__aexit__(*error)

    async def listen(self, accept: Any) -> None:
        self._note("listen")
        try:
            await anyio.sleep_forever()
        finally:
            self._note("deaf")

    async def send(self, delivery: Delivery) -> Receipt:
        self._note(f"send {delivery.text.replace(' ', '_')}")
        return Receipt(delivery.key)

    def _note(self, what: str) -> None:
        with Path(self.options.file).open("a", encoding="utf-8") as file:
            file.write(f"{what} {self.tenant} {self.options.token or '-'} {id(asyncio.current_task())}\n")
