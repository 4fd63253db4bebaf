"""Messages that come one by one, so many a second.

    python -m benchmarks.regular CONFIG RATE MESSAGES

puts them into the queue from a process of its own. As the channel ``regular`` the worker's own process does it: a
Baileys number that listens. Both write down when each message was about to be put, as ``{number: time}``; times are of
``time.monotonic()``, which all processes of a machine share.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import ClassVar

import anyio

from auzap.channels.baileys import Baileys
from auzap.channels.baileys.options import BaileysOptions
from auzap.config import load
from auzap.contract.channel import Accept, ChannelOptions
from auzap.pipeline.accept import accept
from auzap.registry import Registry
from auzap.worker.resources import open_queue
from benchmarks.shop import message

__all__ = ["CONTACTS", "FILE", "Regular", "RegularOptions", "install"]

#: beside the configuration
FILE = "put.json"
CONTACTS = 200
#: messages that come first and are not counted: the worker builds what it needs when it is first needed
_WARM = 20
_PAUSE = 1.0


class RegularOptions(BaileysOptions):
    rate: float
    messages: int
    folder: str


class Regular(Baileys):
    name: ClassVar[str] = "regular"
    Options: ClassVar[type[ChannelOptions]] = RegularOptions

    options: RegularOptions

    async def listen(self, accept: Accept) -> None:
        await _come(accept, self.options.rate, self.options.messages, Path(self.options.folder))


async def _come(put: Accept, rate: float, messages: int, folder: Path) -> None:
    for number in range(messages, messages + _WARM):
        await put(message(number, number % CONTACTS))
    await anyio.sleep(_PAUSE)
    times: dict[int, float] = {}
    began = time.monotonic()
    for number in range(messages):
        await anyio.sleep(max(began + number / rate - time.monotonic(), 0))
        posted = message(number, number % CONTACTS)
        times[number] = time.monotonic()
        await put(posted)
    # in one step: it is there when it is whole
    part = folder / f"{FILE}.part"
    part.write_text(json.dumps(times), encoding="ascii")
    part.rename(folder / FILE)


async def _put(config: Path, rate: float, messages: int) -> None:
    async with open_queue(load(config), Registry()) as queue:

        async def put(posted: object) -> None:
            await queue.put(accept("shop", "main", Baileys, posted))

        await _come(put, rate, messages, config.parent)


def install(folder: Path) -> None:
    """What an installer writes, so that a worker with this folder on its path has the channel."""
    info = folder / "regular-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: regular\nVersion: 1\n", encoding="ascii")
    offer = f"[auzap.backends]\nchannel.regular = {Regular.__module__}:{Regular.__name__}\n"
    (info / "entry_points.txt").write_text(offer, encoding="ascii")


if __name__ == "__main__":
    anyio.run(_put, Path(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]))
