"""The whole way of a message, measured: how many a second, and what CPU a thousand cost.

    python -m benchmarks.pipeline [--messages 5000] [--contacts 500] [--runs 3] [--concurrency 5 50]
    python -m benchmarks.pipeline --profile [--concurrency 50]

Each run is a new folder: a SQLite queue filled beforehand, an empty SQLite database (both ``synchronous=FULL``), one
worker process with client_ai and no rate limit, one gateway process that answers at once. Beside it, in turns, plain
``sqlite3`` does the same statements (``raw.py``), so that what the machine does to both can be told from what auzap
does. Run it by hand, on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import json
import os
import pstats
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import yaml

from auzap.channels.baileys import Baileys
from auzap.config import load
from auzap.pipeline.accept import accept
from auzap.registry import Registry
from auzap.worker.serve import open_queue, prepare_database
from benchmarks import raw

_ROOT = Path(__file__).resolve().parents[1]
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Run:
    """One emptied queue."""

    per_second: float
    cpu_per_1000: float
    loop_cpu_per_1000: float
    rss_mb: float
    #: cores that processes other than ours used meanwhile
    foreign: float


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="The whole way of a message, measured.")
    parser.add_argument("--messages", type=int, default=5000)
    parser.add_argument("--contacts", type=int, default=500)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--concurrency", type=int, nargs="+", default=[5, 50])
    parser.add_argument("--profile", action="store_true", help="print where the event loop's thread spends its time")
    given = parser.parse_args(arguments)
    for concurrency in given.concurrency:
        if given.profile:
            profile(given.messages, given.contacts, concurrency)
        else:
            compare(given.messages, given.contacts, concurrency, given.runs)


def compare(messages: int, contacts: int, concurrency: int, runs: int) -> None:
    """auzap and plain sqlite3 in turns."""
    whole, floor = [], []
    for _ in range(runs):
        with filled(messages, contacts, concurrency) as (folder, drain):
            seconds, cpu = raw_once(folder, contacts, concurrency)
            floor.append((messages / seconds, cpu / messages * 1000))
            whole.append(drain(None))
    print(f"concurrency {concurrency}, {messages} messages of {contacts} contacts, {runs} runs: min / median / max")
    _print("messages/s", [run.per_second for run in whole], 0)
    _print("CPU s per 1,000", [run.cpu_per_1000 for run in whole], 3)
    _print("  of it the event loop's thread", [run.loop_cpu_per_1000 for run in whole], 3)
    _print("peak MB", [run.rss_mb for run in whole], 0)
    _print("cores used by others meanwhile", [run.foreign for run in whole], 2)
    _print(f"plain sqlite3, {raw.STATEMENTS} statements each: messages/s", [rate for rate, _ in floor], 0)
    _print("plain sqlite3: CPU s per 1,000", [cpu for _, cpu in floor], 3)


def profile(messages: int, contacts: int, concurrency: int) -> None:
    with filled(messages, contacts, concurrency) as (folder, drain):
        drain(folder / "profile")
        print(f"concurrency {concurrency}: seconds of {messages} messages, the event loop's thread alone")
        pstats.Stats(str(folder / "profile")).strip_dirs().sort_stats("tottime").print_stats(40)


def _print(what: str, values: Sequence[float], digits: int) -> None:
    figures = (min(values), statistics.median(values), max(values))
    print(f"  {what:58}", " / ".join(f"{figure:.{digits}f}" for figure in figures))


# ---------------------------------------------------------------------- one run


@contextmanager
def filled(messages: int, contacts: int, concurrency: int) -> Iterator[tuple[Path, Callable[[Path | None], Run]]]:
    """A folder with a queue that is full, and what empties it."""
    with tempfile.TemporaryDirectory() as name, gateway() as (port, seen):
        folder = Path(name)
        config = folder / "config.yaml"
        config.write_text(yaml.safe_dump(_config(port, concurrency)), encoding="utf-8")
        anyio.run(_fill, config, messages, contacts)

        def drain(profile: Path | None) -> Run:
            return _drain(config, messages, seen, profile)

        yield folder, drain


def _config(port: int, concurrency: int) -> dict[str, Any]:
    instance = {"channel": "baileys", "url": f"http://127.0.0.1:{port}", "rate_limit": None}
    return {
        "queue": "sqlite:///queue.db",
        "database": "sqlite:///auzap.db",
        "worker": {"concurrency": concurrency, "rate_limit": None},
        "tenants": {"shop": {"name": "Loja", "instances": {"main": instance}, "plugins": {"client_ai": {}}}},
    }


async def _fill(path: Path, messages: int, contacts: int) -> None:
    config, registry, chance = load(path), Registry(), random.Random(12345)
    prepare_database(config, registry)
    async with open_queue(config, registry) as queue:
        for start in range(0, messages, 500):
            posted = [
                _message(number, chance.randrange(contacts)) for number in range(start, min(start + 500, messages))
            ]
            await queue.put(accept("shop", "main", Baileys, posted))


def _message(number: int, contact: int) -> dict[str, Any]:
    return {
        "key": {"remoteJid": f"5511{900000000 + contact}@s.whatsapp.net", "fromMe": False, "id": f"3EB0{number:012X}"},
        "message": {"conversation": f"#{number} Oi! Tem horário amanhã de manhã?"},
        "messageTimestamp": int(time.time()),
        "pushName": "Cliente",
    }


@contextmanager
def gateway() -> Iterator[tuple[int, Callable[[], dict[str, float]]]]:
    """Its port, and how to end it and hear what it saw."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.gateway"],
        cwd=_ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None

    def seen() -> dict[str, float]:
        out, _ = process.communicate(timeout=10)
        told: dict[str, float] = json.loads(out)
        return told

    try:
        yield int(process.stdout.readline()), seen
    finally:
        process.kill()
        process.communicate()


def _drain(config: Path, messages: int, seen: Callable[[], dict[str, float]], profile: Path | None) -> Run:
    command = [sys.executable, "-m", "benchmarks.worker", str(config), *([str(profile)] if profile else [])]
    before, children, began = _machine_cpu(), os.times(), time.monotonic()
    done = subprocess.run(
        command, cwd=_ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True, timeout=600
    )
    took = time.monotonic() - began
    saw = seen()
    after = os.times()
    ours = after.children_user + after.children_system - children.children_user - children.children_system
    if (saw["posts"], saw["keys"]) != (messages, messages):
        raise SystemExit(f"wrong: {messages} messages, {saw['posts']} posts, {saw['keys']} keys")
    told = json.loads(done.stdout)
    return Run(
        per_second=(messages - 1) / saw["seconds"],
        cpu_per_1000=told["cpu"] / messages * 1000,
        loop_cpu_per_1000=told["loop_cpu"] / messages * 1000,
        rss_mb=told["rss_mb"],
        foreign=(_machine_cpu() - before - ours) / took,
    )


def raw_once(folder: Path, contacts: int, concurrency: int) -> raw.Cost:
    """On copies of the files as they are before the worker has them."""
    copies = [folder / f"raw-{name}" for name in ("auzap.db", "queue.db")]
    for copy in copies:
        copy.write_bytes((folder / copy.name.removeprefix("raw-")).read_bytes())
    return raw.run(*copies, contacts=contacts, concurrency=concurrency)


def _machine_cpu() -> float:
    """CPU seconds that the whole machine has used."""
    fields = Path("/proc/stat").read_text(encoding="ascii").splitlines()[0].split()[1:]
    return sum(int(fields[place]) for place in (0, 1, 2, 5, 6)) / _TICKS


if __name__ == "__main__":
    main()
