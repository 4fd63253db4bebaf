"""How fast messages are understood, and whether anything at all can break it.

python -m benchmarks.normalize                         messages a second
python -m benchmarks.normalize --payloads 1000000      that many payloads, changed by chance, in one process
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import anyio

from auzap.channels.baileys import Baileys
from auzap.config import load
from auzap.hooks import Calls
from auzap.model.errors import BadPayload
from auzap.pipeline.admit import admit
from auzap.registry import Registry
from auzap.storage import open_store
from auzap.tenants.runtime import Tenant
from auzap.tenants.tenants import Tenants
from auzap.worker.resources import prepare_database
from benchmarks.figures import Run, Section, row, table
from benchmarks.machine import Meanwhile, Often, in_turns
from benchmarks.payloads import fixtures, may_be_answered, payloads

__all__ = ["Tally", "admit_all", "main", "section", "tenants"]

#: what most customers write
_ORDINARY = (
    "conversation", "conversation after messageContextInfo", "extended text", "quoted text", "disappearing text",
    "image", "voice message", "list reply", "from a LID with its phone",
)  # fmt: skip
_HERE = 1_790_000_000.0
_DAY = 86_400.0
_EXAMPLES = 5
_CONFIG = """
queue: sqlite:///queue.db
database: sqlite:///auzap.db
tenants:
  shop: {instances: {main: {channel: baileys, url: "http://127.0.0.1:9"}}}
  club: {groups: true, instances: {main: {channel: baileys, url: "http://127.0.0.1:9"}}}
"""


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.normalize", description=__doc__.partition("\n")[0])
    parser.add_argument("--payloads", type=int, help="how many to try to break it with")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--runs", type=int, default=5)
    given = parser.parse_args(arguments)
    if given.payloads is None:
        print(table([section(Often(given.runs, repeats=0))]))
    else:
        anyio.run(attack, given.payloads, given.seed)


# ---------------------------------------------------------------------- speed


def section(often: Often) -> Section:
    texts = [text for name, text in fixtures("live") if name in _ORDINARY] * 1000
    given = [json.loads(text) for text in texts]
    contenders: dict[str, Callable[[], Run]] = {
        "a payload to a message": lambda: _rate(Baileys.normalize, given),
        "JSON text to a message": lambda: _rate(lambda text: Baileys.normalize(json.loads(text)), texts),
        "a payload to a lane and a key": lambda: _rate(Baileys.receive, given),
    }
    got = in_turns(contenders, often)
    rows = [row(f"{name}: messages/s", rates, "messages/s") for name, rates in got.items()]
    return Section(f"Normalizer: {len(given):,} ordinary messages that Baileys made", rows)


def _rate(work: Callable[[Any], object], given: Sequence[Any]) -> Run:
    meanwhile, began = Meanwhile(), time.perf_counter()
    for one in given:
        work(one)
    took = time.perf_counter() - began
    return Run({"messages/s": len(given) / took}, meanwhile.cores())


# ---------------------------------------------------------------------- whatever may come


@dataclass(slots=True)
class Tally:
    payloads: int = 0
    #: what they were split into
    messages: int = 0
    refused: int = 0
    dispatched: int = 0
    #: payloads that raised anything but the error for what is no message
    crashes: int = 0
    #: messages that a handler would have been asked about, and that are none
    wrong: int = 0
    #: the first few of both
    examples: list[str] = field(default_factory=list)
    kinds: Counter[str] = field(default_factory=Counter)


async def attack(number: int, seed: int) -> None:
    tally, began, marks = Tally(), time.perf_counter(), [number // 10, number]
    async with tenants() as both:
        source = payloads(seed)
        for done, mark in zip([0, *marks], marks, strict=False):
            admit_all(islice(source, mark - done), both, tally)
            print(
                f"{tally.payloads:>9,} payloads: {_resident_mb():.1f} MB, {time.perf_counter() - began:.0f} s",
                flush=True,
            )
    print(f"{tally.messages:,} messages of {len(tally.kinds)} kinds, {tally.refused:,} payloads refused")
    print(f"dispatched: {tally.dispatched:,}, of which no message: {tally.wrong}")
    print(f"crashes: {tally.crashes}")
    for one in tally.examples:
        print(one)
    if tally.wrong or tally.crashes:
        raise SystemExit(1)


def admit_all(given: Iterable[Any], both: Sequence[Tenant], tally: Tally) -> None:
    """Everything from what was posted to the question whether a handler is asked."""
    for posted in given:
        tally.payloads += 1
        try:
            _admit_one(posted, both, tally)
        except Exception:  # noqa: BLE001 - that is what is looked for
            tally.crashes += 1
            _keep(tally, f"{traceback.format_exc()}{_shown(posted)}")


def _admit_one(posted: Any, both: Sequence[Tenant], tally: Tally) -> None:
    try:
        arrivals = Baileys.receive(posted)
    except BadPayload:
        tally.refused += 1
        return
    for arrival in arrivals:
        try:
            message = Baileys.normalize(arrival.payload)
        except BadPayload:
            tally.refused += 1
            continue
        finally:
            Baileys.event(arrival.payload)
        tally.messages += 1
        tally.kinds[message.kind] += 1
        stored = (
            message.text,
            message.push_name,
            message.message_id,
            message.chat_id,
            message.mentions,
            message.extras,
        )
        json.dumps(stored, ensure_ascii=False, allow_nan=False).encode()
        reasons = [admit(message, tenant, accepted_at=_HERE, stale_after=_DAY) for tenant in both]
        if message.dispatch or None in reasons:
            tally.dispatched += 1
            if not may_be_answered(arrival.payload):
                tally.wrong += 1
                _keep(tally, _shown(arrival.payload))


def _keep(tally: Tally, example: str) -> None:
    if len(tally.examples) < _EXAMPLES:
        tally.examples.append(example)


@asynccontextmanager
async def tenants() -> AsyncIterator[list[Tenant]]:
    """One that answers in private only, and one that answers in groups too."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "config.yaml")
        path.write_text(_CONFIG, encoding="utf-8")  # noqa: ASYNC240 - nothing else runs in this loop
        config, registry = load(path), Registry()
        prepare_database(config, registry)
        async with (
            open_store(config.database.url, config.base) as store,
            Tenants(config, registry=registry, store=store, calls=Calls()) as built,
            built.use("shop") as shop,
            built.use("club") as club,
        ):
            yield [shop, club]


def _shown(payload: Any) -> str:
    try:
        return json.dumps(payload)[:2000]
    except RecursionError:
        return "(nested too deep to be shown)"


def _resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096 / 1e6


if __name__ == "__main__":
    main()
