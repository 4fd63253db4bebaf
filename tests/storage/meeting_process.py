"""A process of its own that records first messages of one person, all at once, when told to.

    python -m tests.storage.meeting_process URL FOLDER INSTANCE < a line when to begin

Each message's person is ``phone/lid``, either of them empty.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from auzap.storage import open_store
from auzap.storage.store import Inbound, Person
from tests.support.stores import arrival


async def main(url: str, folder: str, instance: str, *people: str) -> None:
    arrivals: list[Inbound] = []
    for text in people:
        phone, _, lid = text.partition("/")
        person = Person(phone=phone or None, lid=lid or None, name="Bia")
        arrivals.append(arrival(f"{instance} {len(arrivals)}", person=person, instance_id=instance))
    async with open_store(url, Path(folder)) as store:
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        await asyncio.gather(*(store.record([one]) for one in arrivals))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
