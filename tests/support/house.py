"""A whole auzap in a temporary folder: configuration, queue, database, and a gateway that counts."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import Any

import anyio
import yaml

from auzap.config import load
from auzap.config.models import Config
from auzap.contract.queue import DeadLetter, Envelope, Share, Stats
from auzap.model.keys import lane_key, new_id
from auzap.pipeline.accept import accept
from auzap.registry import Registry
from auzap.storage.urls import is_postgres
from auzap.worker.orders import Reload, Stop
from auzap.worker.resources import open_queue
from auzap.worker.serve import serve
from tests.support import postgres

__all__ = ["ROOT", "House", "job", "message"]

ROOT = Path(__file__).resolve().parents[2]
PLUGINS = ROOT / "tests" / "support" / "plugins"
_numbers = count(1)


def message(
    text: str | None = None,
    *,
    phone: str = "5511900000010",
    jid: str | None = None,
    id: str | None = None,  # noqa: A002
    content: Mapping[str, Any] | None = None,
    **key: Any,
) -> dict[str, Any]:
    """A message as Baileys emits it; ``content`` instead of a text."""
    body = {"conversation": text} if content is None else dict(content)
    return {
        "key": {
            "remoteJid": jid or f"{phone}@s.whatsapp.net",
            "fromMe": False,
            "id": id or f"ID{next(_numbers)}",
            **key,
        },
        "message": body,
        "pushName": "Cliente",
    }


def job(message: Mapping[str, Any], *, tenant: str = "shop", instance: str = "main") -> dict[str, Any]:
    return {"organizationId": tenant, "instanceId": instance, "message": dict(message)}


class House:
    """Where one test lives.

    :param plugins: of each tenant, as in the YAML.
    :param top: what else stands at the top of the YAML, or instead: ``queue``, ``database``.
    """

    def __init__(
        self,
        folder: Path,
        gateway: str,
        *,
        plugins: Mapping[str, Any] | None = None,
        tenants: Iterable[str] = ("shop",),
        owners: Iterable[str] = ("+55 11 90000-0001",),
        tenant: Mapping[str, Any] | None = None,
        worker: Mapping[str, Any] | None = None,
        instance: Mapping[str, Any] | None = None,
        **top: Any,
    ) -> None:
        self.folder = folder
        self.path = folder / "config.yaml"
        instances = {
            name: {"channel": "baileys", "url": gateway, "timeout": "2s", "rate_limit": None, **(instance or {})}
            for name in ("main", "other")
        }
        base = {
            "owners": list(owners),
            "instances": instances,
            "plugins": plugins or {"trouble": {}},
            **(tenant or {}),
        }
        self.document: dict[str, Any] = {
            "queue": "sqlite:///queue.db",
            "database": "sqlite:///auzap.db",
            "worker": {"backoff": {"delay": "20ms"}, "timeout": "2s", "drain": "2s", **(worker or {})},
            "tenants": {name: {"name": name, **base} for name in tenants},
            **top,
        }
        self.write()

    def write(self) -> None:
        text = yaml.safe_dump(self.document, sort_keys=False, allow_unicode=True)
        self.path.write_text(text, encoding="utf-8")

    @property
    def config(self) -> Config:
        return load(self.path)

    # ------------------------------------------------------------------ in this process

    async def put(self, *jobs: Mapping[str, Any]) -> list[bool]:
        return await self.put_envelopes(self.envelopes(*jobs))

    def envelopes(self, *jobs: Mapping[str, Any]) -> list[Envelope]:
        """As they are accepted; not in the queue yet."""
        config, registry = self.config, Registry()
        envelopes = []
        for one in jobs:
            tenant, instance = one["organizationId"], one["instanceId"]
            channel = registry.channel(config.tenants[tenant].instances[instance].channel)
            beside = {key: one[key] for key in ("update", "takeover", "handback") if key in one}
            posted = beside or one["message"]
            envelopes += accept(tenant, instance, channel, posted)
        return envelopes

    async def put_envelopes(self, envelopes: Sequence[Envelope]) -> list[bool]:
        async with open_queue(self.config, Registry()) as queue:
            return await queue.put(envelopes)

    async def put_payload(self, payload: Any) -> None:
        """An envelope whose payload the channel never saw."""
        envelope = Envelope(
            id=new_id(),
            tenant="shop",
            instance="main",
            channel="baileys",
            kind="message",
            lane=lane_key("shop", "main", "x"),
            dedupe=None,
            payload=payload,
            accepted_at=time.time(),
        )
        async with open_queue(self.config, Registry()) as queue:
            await queue.put([envelope])

    async def serve(self) -> None:
        """Work until the queue is empty."""
        await serve(self.config, until_empty=True)

    async def serve_until(self, done: Callable[[], bool], *, within: float = 20) -> None:
        """Work until something has happened, and end as SIGTERM would have it: what is begun is finished."""
        await serve(self.config, orders=_Until(done, within))

    async def cut_off_when(self, done: Callable[[], bool], *, within: float = 20) -> None:
        """Work until something has happened, and no further: what is begun is left as it is."""
        async with anyio.create_task_group() as working:
            working.start_soon(serve, self.config)
            await _seen(done, within)
            working.cancel_scope.cancel()

    async def notice(self) -> None:
        """Have the queue notice what is due, such as leases that are over; nothing is leased."""
        async with open_queue(self.config, Registry()) as queue:
            await queue.lease("nobody", lanes=1, duration=1, wait=0, share=Share(most=0))

    async def stats(self) -> Stats:
        async with open_queue(self.config, Registry()) as queue:
            return await queue.stats()

    async def dead(self) -> list[DeadLetter]:
        async with open_queue(self.config, Registry()) as queue:
            return await queue.dead(limit=1000)

    async def revive(self) -> int:
        async with open_queue(self.config, Registry()) as queue:
            return await queue.revive([letter.id for letter in await queue.dead(limit=1000)])

    def rows(self, sql: str, *params: Any) -> list[dict[str, Any]]:
        """Of the database."""
        told = self.document["database"]
        url: str = told if isinstance(told, str) else told["url"]
        return postgres.run(url, sql, *params) if is_postgres(url) else self._rows("auzap.db", sql, params)

    def queued(self, sql: str, *params: Any) -> list[dict[str, Any]]:
        """Rows of a SQLite queue's own tables, ``envelopes`` and ``lanes``."""
        return self._rows("queue.db", sql, params)

    def _rows(self, file: str, sql: str, params: Sequence[Any]) -> list[dict[str, Any]]:
        with closing(sqlite3.connect(self.folder / file, timeout=20)) as connection, connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(sql, params)]

    def has(self, sql: str, *params: Any) -> bool:
        """Whether there is such a row; not before there are tables."""
        try:
            return bool(self.rows(sql, *params))
        except sqlite3.OperationalError:
            return False

    def one(self, sql: str, *params: Any) -> Any:
        [row] = self.rows(sql, *params)
        return next(iter(row.values()))

    # ------------------------------------------------------------------ in processes of their own

    def start(self, *arguments: str, script: Path | None = None) -> subprocess.Popen[bytes]:
        """``auzap run``, or a script that gets the configuration as its first argument."""
        command = ["-m", "auzap", "run", "--config"] if script is None else [str(script)]
        with (self.folder / "worker.log").open("a") as log:
            return subprocess.Popen(
                [sys.executable, *command, str(self.path), *arguments],
                env=environment(),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def auzap(self, *arguments: str, stdin: str | bytes = "") -> subprocess.CompletedProcess[str]:
        """Run a command with this configuration."""
        data = stdin.encode() if isinstance(stdin, str) else stdin
        done = subprocess.run(
            [sys.executable, "-m", "auzap", *arguments, "--config", str(self.path)],
            env=environment(),
            cwd=self.folder,
            input=data,
            capture_output=True,
            check=False,
            timeout=60,
        )
        return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())

    def log(self) -> list[dict[str, Any]]:
        """The workers' log lines."""
        lines = (self.folder / "worker.log").read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]


class _Until:
    """Tells a worker to stop when something has happened."""

    listens = True
    tells = True

    def __init__(self, done: Callable[[], bool], within: float) -> None:
        self._done = done
        self._within = within

    async def obey(self, stop: Stop, reload: Reload) -> None:
        await _seen(self._done, self._within)
        stop("what a test waited for")


async def _seen(done: Callable[[], bool], within: float) -> None:
    with anyio.fail_after(within):
        while not done():  # noqa: ASYNC110 - it is seen from outside
            await anyio.sleep(0.02)


def environment() -> dict[str, str]:
    path = os.pathsep.join([str(ROOT), str(PLUGINS), os.environ.get("PYTHONPATH", "")])
    return {**os.environ, "PYTHONPATH": path}
