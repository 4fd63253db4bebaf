"""A real pgbouncer that gives every transaction another connection."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from auzap.storage.urls import postgres_server

__all__ = ["pgbouncer"]

#: seconds for it to come up
_PATIENCE = 15.0
#: fewer connections than clients, so that they change hands
_CONNECTIONS = 3


def _program() -> str:
    """Skips the test where there is none; under CI it fails."""
    found = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin:/usr/local/sbin")
    if found is None:
        reason = "no pgbouncer: install Debian's"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return found


@contextmanager
def pgbouncer(url: str) -> Iterator[str]:
    """In front of a database on this machine.

    :return: the database's URL behind it.
    """
    program = _program()
    user = "postgres" if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="auzap-pooler-"))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
    try:
        config = folder / "pgbouncer.ini"
        config.write_text(_settings(url, port, folder))
        (folder / "users").write_text('"postgres" ""\n')
        for one in (folder, config, folder / "users"):
            if user is not None:
                shutil.chown(one, user, user)
        process = subprocess.Popen(
            [program, "-q", str(config)], user=user, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            _wait(port, process)
            yield f"postgresql://postgres@127.0.0.1:{port}/{url.rpartition('/')[2]}?pgbouncer=true"
        finally:
            process.terminate()
            process.wait(_PATIENCE)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _settings(url: str, port: int, folder: Path) -> str:
    server = postgres_server(url).place.partition("/")[0].rpartition(":")[2]
    return f"""
[databases]
* = host=127.0.0.1 port={server}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = trust
auth_file = {folder}/users
pool_mode = transaction
default_pool_size = {_CONNECTIONS}
max_client_conn = 100
logfile = {folder}/log
pidfile = {folder}/pid
"""


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return
