"""The shop that all runs are of: one tenant with one number and client_ai, with a gateway of ours; mostly on SQLite."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import anyio
import yaml

from auzap.channels.baileys import Baileys
from auzap.config import load
from auzap.pipeline.accept import accept
from auzap.registry import Registry
from auzap.worker.resources import open_queue, prepare_database

__all__ = ["ROOT", "SQLITE", "Gateway", "Places", "Seen", "Shop", "message", "opened", "phone", "tenant"]

ROOT = Path(__file__).resolve().parents[1]
#: messages that are made durable together
_BATCH = 500
#: seconds in which anything must have happened
_PATIENCE = 60.0


def phone(contact: int) -> str:
    return f"5511{900000000 + contact}"


def tenant(number: int) -> str:
    return f"shop{number or ''}"


def message(number: int, contact: int) -> dict[str, Any]:
    """As Baileys emits it. The number is in the text, and so in the reply."""
    return {
        "key": {"remoteJid": f"{phone(contact)}@s.whatsapp.net", "fromMe": False, "id": f"3EB0{number:012X}"},
        "message": {"conversation": f"#{number} Oi! Tem horário amanhã de manhã?"},
        "messageTimestamp": int(time.time()),
        "pushName": "Cliente",
    }


@dataclass(frozen=True, slots=True)
class Seen:
    """What a gateway saw."""

    #: different idempotency keys
    keys: int
    #: number in the text, and when it came; in the order in which they came
    arrivals: list[tuple[int, float]]

    @property
    def seconds(self) -> float:
        return self.until(len(self.arrivals))

    def until(self, posts: int) -> float:
        """Seconds between the first and this one."""
        return self.arrivals[posts - 1][1] - self.arrivals[0][1]


class Gateway:
    """A process that answers at once."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.gateway"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.pid = self._process.pid
        self.url = f"http://127.0.0.1:{int(self._line())}"

    def first(self) -> None:
        """Wait until somebody has posted."""
        assert self._line() == "first\n"

    def end(self) -> Seen:
        out, _ = self._process.communicate(timeout=_PATIENCE)
        told = json.loads(out.splitlines()[-1])
        return Seen(told["keys"], [(number, at) for number, at in told["arrivals"]])

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()

    def _line(self) -> str:
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], _PATIENCE)
        if not ready:
            raise TimeoutError(f"nothing was posted within {_PATIENCE:.0f} s")
        return self._process.stdout.readline()


@dataclass(frozen=True, slots=True)
class Places:
    """URLs."""

    queue: str
    database: str


#: as `auzap init` has it: the folder of the configuration is watched, and these change all the time
SQLITE = Places("sqlite:///data/queue.db", "sqlite:///data/auzap.db")


class Shop:
    """A folder with a configuration."""

    def __init__(self, folder: Path, gateway: Gateway, places: Places = SQLITE) -> None:
        self.folder = folder
        self.gateway = gateway
        self.places = places
        self.config = folder / "config.yaml"
        self.queue_file = folder / "data" / "queue.db"
        self.database_file = folder / "data" / "auzap.db"

    def configure(self, *, concurrency: int = 5, tenants: int = 1, **instance: Any) -> None:
        """:param tenants: besides ``shop`` there are ``shop1``, ``shop2``, … if more than one.
        :param instance: of the number's mapping in the YAML.
        """
        main = {"channel": "baileys", "url": self.gateway.url, "rate_limit": None, **instance}
        document = {
            "queue": self.places.queue,
            "database": self.places.database,
            "worker": {"concurrency": concurrency, "rate_limit": None},
            "tenants": {
                tenant(number): {"name": "Loja", "instances": {"main": main}, "plugins": {"client_ai": {}}}
                for number in range(tenants)
            },
        }
        self.config.write_text(yaml.safe_dump(document), encoding="utf-8")

    def prepare(self) -> None:
        """An empty database."""
        prepare_database(load(self.config), Registry())

    def fill(self, messages: Iterable[dict[str, Any]], *, tenants: int = 1) -> None:
        """Into the queue.

        :param tenants: whose they are, in turn.
        """
        anyio.run(self._fill, iter(messages), tenants)

    async def _fill(self, messages: Iterator[dict[str, Any]], tenants: int) -> None:
        async with open_queue(load(self.config), Registry()) as queue:
            whose = 0
            while posted := list(islice(messages, _BATCH)):
                if tenants == 1:
                    await queue.put(accept("shop", "main", Baileys, posted))
                    continue
                envelopes = []
                for one in posted:
                    envelopes += accept(tenant(whose % tenants), "main", Baileys, [one])
                    whose += 1
                await queue.put(envelopes)

    @contextmanager
    def running(self, *path: Path) -> Iterator[subprocess.Popen[bytes]]:
        """``auzap run``, told to stop at the end.

        :param path: folders in which it finds more distributions.
        """
        process = subprocess.Popen(
            [sys.executable, "-m", "auzap", "run", "--config", str(self.config)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, path))},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            yield process
            process.terminate()
            if process.wait(_PATIENCE) != 0:
                raise RuntimeError(f"the worker ended with {process.returncode}")
        finally:
            process.kill()
            process.wait()

    def work(self, *options: str) -> dict[str, float]:
        """``benchmarks.worker``, and what it tells."""
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.worker", str(self.config), *options],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            check=True,
            timeout=600,
        )
        told: dict[str, float] = json.loads(done.stdout)
        return told


@contextmanager
def opened(*, concurrency: int = 5, tenants: int = 1, places: Places = SQLITE) -> Iterator[Shop]:
    """In a new folder, with a gateway of its own."""
    with tempfile.TemporaryDirectory() as folder:
        gateway = Gateway()
        try:
            shop = Shop(Path(folder), gateway, places)
            shop.configure(concurrency=concurrency, tenants=tenants)
            yield shop
        finally:
            gateway.kill()
