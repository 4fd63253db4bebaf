"""A Redis and a Postgres of the benchmarks' own, on free ports of loopback, ended by their process at the end.

Redis writes an append-only file, ``appendfsync everysec``; Postgres has ``fsync`` and ``synchronous_commit`` on.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import yaml

from auzap.config import load
from auzap.registry import Registry
from auzap.worker.resources import prepare_database
from benchmarks.machine import cpu_of, cpu_with_children

__all__ = ["Postgres", "Redis", "Servers", "postgres", "redis", "running"]

#: seconds for a server to come up, or to go
_PATIENCE = 60.0
_TEMPLATE = "shop"
#: of Postgres, besides its defaults
_SETTINGS = ("listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=on", "synchronous_commit=on")
_NUMBERS = count()


@dataclass(frozen=True, slots=True)
class Redis:
    port: int
    pid: int

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def empty(self) -> None:
        self.ask(b"FLUSHALL")

    def ask(self, command: bytes) -> bytes:
        """The answer's first part to a command of one word."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=_PATIENCE) as there:
            there.sendall(command + b"\r\n")
            return there.recv(4096)

    def cpu(self) -> float:
        return cpu_of(self.pid)


@dataclass(frozen=True, slots=True)
class Postgres:
    port: int
    pid: int

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def run(self, sql: str, database: str = "postgres") -> list[Any]:
        return asyncio.run(_asked(self.url(database), sql))

    @contextmanager
    def database(self, template: str = _TEMPLATE) -> Iterator[str]:
        """Of a run of its own, as the template is; gives its URL."""
        name = f"run_{next(_NUMBERS)}"
        self.run(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
        try:
            self.run("CHECKPOINT")
            yield self.url(name)
        finally:
            self.run(f"DROP DATABASE {name} WITH (FORCE)")

    def cpu(self) -> float:
        return cpu_with_children(self.pid)


@dataclass(frozen=True, slots=True)
class Servers:
    redis: Redis
    postgres: Postgres

    def cpu(self) -> float:
        """CPU seconds that both have used."""
        return self.redis.cpu() + self.postgres.cpu()


@contextmanager
def running() -> Iterator[Servers]:
    """Both, with auzap's tables in a template."""
    with redis() as one, postgres() as other:
        yield Servers(one, other)


@contextmanager
def redis() -> Iterator[Redis]:
    port = _free_port()
    with tempfile.TemporaryDirectory() as folder:
        settings = {"bind": "127.0.0.1", "port": str(port), "dir": folder, "save": "", "appendonly": "yes"}
        options = [part for name, value in settings.items() for part in (f"--{name}", value)]
        with _started([_program("redis-server"), *options, "--appendfsync", "everysec"], cwd=folder) as process:
            server = Redis(port, process.pid)
            _wait(process, lambda: server.ask(b"PING") == b"+PONG\r\n")
            yield server


@contextmanager
def postgres() -> Iterator[Postgres]:
    port = _free_port()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if (user := _user()) is not None:
            shutil.chown(folder, user, user)
        data = str(folder / "data")
        make = [_program("initdb"), "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C"]
        subprocess.run(make, user=user, cwd="/", check=True, stdout=subprocess.DEVNULL)
        options = [part for setting in _SETTINGS for part in ("-c", setting)]
        program = [_program("postgres"), "-D", data, "-p", str(port), *options]
        with _started(program, user=user, how=signal.SIGINT) as process:
            server = Postgres(port, process.pid)
            _wait(process, lambda: bool(server.run("SELECT 1")))
            _make_template(server)
            yield server


def _make_template(server: Postgres) -> None:
    server.run(f"CREATE DATABASE {_TEMPLATE}")
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "config.yaml"
        tenant = {"name": "Loja", "instances": {"main": {"channel": "console"}}, "plugins": {"client_ai": {}}}
        document = {
            "queue": "sqlite:///queue.db",
            "database": {"url": server.url(_TEMPLATE), "migrate": "auto"},
            "tenants": {"shop": tenant},
        }
        config.write_text(yaml.safe_dump(document), encoding="utf-8")
        prepare_database(load(config), Registry())


async def _asked(url: str, sql: str) -> list[Any]:
    import asyncpg

    connection = await asyncpg.connect(url, timeout=_PATIENCE)
    try:
        if sql.startswith("SELECT"):
            return list(await connection.fetch(sql))
        await connection.execute(sql)
        return []
    finally:
        await connection.close()


# ---------------------------------------------------------------------- processes


@contextmanager
def _started(
    program: Sequence[str], *, cwd: str = "/", user: str | None = None, how: signal.Signals = signal.SIGTERM
) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(program, cwd=cwd, user=user, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.send_signal(how)
        try:
            process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(process: subprocess.Popen[bytes], answers: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            if answers():
                return
        except Exception:
            if process.poll() is not None or time.monotonic() > deadline:
                raise
        time.sleep(0.05)


def _program(name: str) -> str:
    """On PATH, or where Debian has it."""
    if found := shutil.which(name):
        return found
    debian = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda one: int(one.parts[-3]))
    if not debian:
        raise SystemExit(f"{name} is needed, and not found on PATH")
    return str(debian[-1])


def _user() -> str | None:
    """Postgres refuses to be root."""
    return "postgres" if os.geteuid() == 0 else None


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port
