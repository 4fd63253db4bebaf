"""Another worker to measure in turns with: a folder of its own, whose scripts start it, drive it and measure it.

Such a folder has

- ``env.sh start`` and ``env.sh stop``: Redis and Postgres on loopback, with their files under ``$BENCH_DIR``;
- ``drive.py drain`` and ``drive.py latency``: print JSON; the sizes stand in the environment.

Nothing of it is imported. Its servers get free ports of their own, and are stopped at the end.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.figures import Run
from benchmarks.machine import Meanwhile

__all__ = ["Peer", "started"]

#: connections to Postgres, at the least
_POOL = 10


class Peer:
    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._folder = folder
        self._environment = environment

    def drain(self, messages: int, contacts: int, concurrency: int) -> Run:
        """One backlog; the rate is between the first and the last POST, as ours is."""
        pools = json.dumps([[concurrency, max(concurrency, _POOL)]])
        (told,) = self._drive("drain", N=str(messages), M=str(contacts), POOLS=pools).values()
        if told["sends"] != [messages]:
            raise SystemExit(f"wrong: {messages} messages, {told['sends']} sends of the peer's")
        cpu = {name: spread["median"] for name, spread in told["cpu_s_per_1000"].items()}
        figures = {
            "messages/s": told["messages_per_s"]["median"],
            "CPU s per 1,000": cpu["worker"],
            "CPU s per 1,000 with servers": cpu["worker"] + cpu["redis"] + cpu["postgres"],
            "peak MB": told["peak_rss_mb"]["median"],
        }
        return Run(figures, max(told["foreign_cores"][0], 0.0))

    def idle(self) -> Run:
        """20 a second; its own servers count as others here."""
        meanwhile = Meanwhile()
        (told,) = self._drive("latency").values()
        return Run({name: told[name]["median"] for name in ("p50", "p99")}, meanwhile.cores())

    def _drive(self, part: str, **environment: str) -> dict[str, Any]:
        done = subprocess.run(
            [sys.executable, "drive.py", part],
            cwd=self._folder,
            # what is repeated is decided here
            env={**self._environment, "RUNS": "1", "FOREIGN": "1000", **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            check=True,
            timeout=600,
        )
        told: dict[str, Any] = json.loads(done.stdout)[part]
        return told


@contextmanager
def started(folder: Path) -> Iterator[Peer]:
    """With servers of its own."""
    with tempfile.TemporaryDirectory() as place:
        # Postgres may run as another user
        Path(place).chmod(0o755)
        redis, postgres, gateway = _free_ports(3)
        environment = {
            **os.environ,
            "BENCH_DIR": place,
            "REDIS_PORT": str(redis),
            "PG_PORT": str(postgres),
            "GATEWAY_PORT": str(gateway),
            "DATABASE_URL": f"postgresql://postgres@127.0.0.1:{postgres}/seed",
        }
        try:
            _servers(folder, environment, "start")
            yield Peer(folder, environment)
        finally:
            _servers(folder, environment, "stop")


def _servers(folder: Path, environment: Mapping[str, str], what: str) -> None:
    subprocess.run(["sh", "env.sh", what], cwd=folder, env=environment, check=True, timeout=60)


def _free_ports(number: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports
