"""What the part ``platform`` runs in its worker: a number that writes to itself, and plugins, good and bad.

Times are of ``time.monotonic()``, which all processes of a machine share.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, ClassVar, Literal

import anyio
from pydantic import Field

from auzap import Message, Plugin, Reply, Turn, hookimpl
from auzap import Options as BaseOptions
from auzap.channels.baileys import Baileys
from auzap.channels.baileys.options import BaileysOptions
from auzap.contract.channel import Accept, ChannelOptions
from benchmarks.regular import CONTACTS
from benchmarks.shop import message

__all__ = [
    "BEGIN",
    "ENTERED",
    "FLOOD",
    "HOW",
    "VERSIONS",
    "WARM",
    "Answering",
    "Bad",
    "Passing",
    "Steady",
    "SteadyOptions",
    "Versioned",
    "install",
]

#: files beside each other: when the messages begin to come; which version was entered, and when
BEGIN, ENTERED = "begin", "entered"
#: a reply's number is the message's times so many, plus the version that answered
VERSIONS = 10_000
#: numbers from here on are not counted: the first message of each tenant
WARM = 1_000_000_000
#: messages that flood the outbox, all at once
FLOOD = 1_000
How = Literal["hangs", "raises", "returns nonsense", "floods the outbox", "exits"]
HOW: tuple[How, ...] = ("hangs", "raises", "returns nonsense", "floods the outbox", "exits")
_NUMBER = re.compile(r"#([0-9]+) ")
#: seconds between two looks whether it has begun
_LOOK = 0.05


class SteadyOptions(BaileysOptions):
    #: messages a second, and how many
    rate: float
    messages: int
    #: of the first message, and from one to the next
    first: int
    step: int
    #: seconds
    after: float
    folder: str


class Steady(Baileys):
    """Puts a message of its own, waits for the others to be there, then puts so many a second."""

    name: ClassVar[str] = "steady"
    Options: ClassVar[type[ChannelOptions]] = SteadyOptions

    options: SteadyOptions

    async def listen(self, accept: Accept) -> None:
        given, folder = self.options, Path(self.options.folder)
        await accept(message(WARM + given.first, given.first % CONTACTS))
        self._write(folder, "ready", {})
        began = await _begun(folder / BEGIN) + given.after
        times: dict[int, float] = {}
        for place in range(given.messages):
            number = given.first + place * given.step
            await anyio.sleep(max(began + place / given.rate - time.monotonic(), 0))
            posted = message(number, number % CONTACTS)
            times[number] = time.monotonic()
            await accept(posted)
        self._write(folder, "put", times)

    def _write(self, folder: Path, what: str, times: dict[int, float]) -> None:
        """In one step: it is there when it is whole."""
        part = folder / f"{self.tenant}.part"
        part.write_text(json.dumps(times), encoding="ascii")
        part.rename(folder / f"{self.tenant}.{what}")


async def _begun(file: Path) -> float:
    while True:
        if (began := _time_in(file)) is not None:
            return began
        await anyio.sleep(_LOOK)


def _time_in(file: Path) -> float | None:
    return float(file.read_text(encoding="ascii")) if file.exists() else None


def _number(message: Message) -> int:
    found = _NUMBER.match(message.text)
    assert found is not None
    return int(found[1])


class Answering(Plugin):
    """Answers with the message's number and the version."""

    class Options(BaseOptions):
        version: int = Field(default=0, ge=0, lt=VERSIONS)

    options: Options

    @hookimpl
    async def handle_message(self, message: Message) -> Reply:
        return Reply(f"#{_number(message) * VERSIONS + self.options.version} Olá! Já te respondo.")


class Versioned(Answering):
    """Writes down when each version of it is entered."""

    class Options(Answering.Options):
        folder: str

    options: Options

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        with (Path(self.options.folder) / ENTERED).open("a", encoding="ascii") as file:
            file.write(json.dumps([self.tenant.id, self.options.version, time.monotonic()]) + "\n")
        yield


class Passing(Plugin):
    """Is asked, and leaves the answer to the next."""

    class Options(BaseOptions):
        number: int = 0

    options: Options

    @hookimpl
    async def handle_message(self, message: Message) -> None:
        return None


class Bad(Plugin):
    """Does what no plugin should do."""

    class Options(BaseOptions):
        how: How

    options: Options

    @hookimpl
    async def handle_message(self, message: Message, turn: Turn) -> Any:
        match self.options.how:
            case "hangs":
                await anyio.sleep_forever()
            case "raises":
                raise RuntimeError("a mistake")
            case "returns nonsense":
                return {"not": "a reply"}
            case "floods the outbox":
                for _ in range(FLOOD):
                    await self.outbox.send("#0 Promoção!", chat=turn.chat)
            case "exits":
                raise SystemExit(1)
        return None


def install(folder: Path) -> None:
    """What an installer writes, so that a worker with this folder on its path has them."""
    info = folder / "steady-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: steady\nVersion: 1\n", encoding="ascii")
    plugins = {"answering": Answering, "versioned": Versioned, "passing": Passing, "bad": Bad}
    lines = [
        "[auzap.backends]",
        f"channel.steady = {Steady.__module__}:{Steady.__name__}",
        "[auzap.plugins]",
        *(f"{name} = {plugin.__module__}:{plugin.__name__}" for name, plugin in plugins.items()),
    ]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n", encoding="ascii")
