"""Real Postgres servers for tests: one for each process that runs tests, a database for each test.

The fixture ``postgres`` (tests/conftest.py) is the shared one; ``private_cluster`` makes one that a test may stop and
kill.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

if TYPE_CHECKING:
    import asyncpg

    from auzap.storage.store import Store

__all__ = ["Cluster", "PostgresDatabase", "blocking", "private_cluster", "require_postgres", "shared_cluster"]

T = TypeVar("T")

#: who may do everything, without a password
ADMIN = "postgres"
#: who must give one
GUARDED, PASSWORD = "guarded", "p@ss:w/rd %?#"
#: a database with the tables of auzap and of tests/support/pets.py
TEMPLATE = "auzap_template"
#: seconds for a server to come up or to go
_PATIENCE = 30.0
#: what is written to a test's server need not outlive the machine
_CARELESS = {"fsync": "off", "full_page_writes": "off", "autovacuum": "off"}
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "shared_buffers": "16MB",
    "max_connections": "100",
    "max_worker_processes": "1",
    "max_wal_senders": "0",
    "wal_level": "minimal",
    "log_min_messages": "fatal",
}
_HBA = f"host all {GUARDED} 127.0.0.1/32 scram-sha-256\nhost all all 127.0.0.1/32 trust\n"


def blocking(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine to its end, also where an event loop is running already."""
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(lambda: asyncio.run(work())).result()


# ---------------------------------------------------------------------- what is installed


@cache
def _binaries() -> Path | None:
    """The folder of ``postgres`` and ``initdb``: of PATH, of Debian, or of the wheel ``pgserver``."""
    places = [Path(found).resolve().parent for name in ("postgres", "initdb") if (found := shutil.which(name))]
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda bin_: -int(bin_.parent.name))
    wheel = find_spec("pgserver")
    places += [Path(one) / "pginstall" / "bin" for one in (wheel and wheel.submodule_search_locations) or ()]
    return next((one for one in places if (one / "postgres").exists() and (one / "initdb").exists()), None)


def require_postgres() -> None:
    """Skip the test where there is no Postgres; under CI it fails."""
    missing = [
        what
        for what, there in {
            "no Postgres: install Debian's postgresql, or the wheel pgserver": _binaries(),
            'no asyncpg: pip install "auzap[postgres]"': find_spec("asyncpg"),
        }.items()
        if there is None
    ]
    if missing and os.environ.get("CI") == "true":
        pytest.fail(missing[0])
    if missing:
        pytest.skip(missing[0])


def _user() -> str | None:
    """Whom the server runs as: it refuses to be root."""
    return "postgres" if os.geteuid() == 0 else None


# ---------------------------------------------------------------------- a server


class Cluster:
    """A server of our own on a free port of the loopback device. Stopped and started, it keeps port and data."""

    def __init__(self, folder: Path, *, settings: Mapping[str, str]) -> None:
        self.folder = folder
        self.port = _free_port()
        self._settings = {**_SETTINGS, **settings}
        self._process: subprocess.Popen[bytes] | None = None

    def url(self, database: str = "postgres", *, user: str = ADMIN, password: str | None = None) -> str:
        """:param password: as it stands in a URL."""
        login = user if password is None else f"{user}:{password}"
        return f"postgresql://{login}@127.0.0.1:{self.port}/{database}"

    # ------------------------------------------------------------ up and down

    def start(self) -> None:
        """Returns when it answers."""
        options = [part for name, value in self._settings.items() for part in ("-c", f"{name}={value}")]
        program = [*_programs("postgres"), "-D", str(self.folder), "-p", str(self.port), *options]
        with (self.folder.parent / "log").open("ab") as log:
            self._process = subprocess.Popen(program, user=_user(), cwd="/", stdout=log, stderr=log)
        self.wait()

    def wait(self) -> None:
        """Until it answers."""
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                self.run("SELECT 1")
            except Exception:  # noqa: BLE001 - whatever it says while it starts
                died = self._process is None or self._process.poll() is not None
                if died or time.monotonic() > deadline:
                    told = (self.folder.parent / "log").read_text(errors="replace")[-2000:]
                    raise RuntimeError(f"Postgres does not answer: {told}") from None
                time.sleep(0.02)
            else:
                return

    def stop(self) -> None:
        """As an administrator does it: open connections are ended, what is committed is kept."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """As a machine that loses power: at once, recovered at the next start."""
        self._end(signal.SIGQUIT)

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(how)
        try:
            process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    # ------------------------------------------------------------ databases

    def create(self, template: str = "template1") -> str:
        """A new database's name."""
        name = f"test_{secrets.token_hex(6)}"
        self.run(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
        return name

    def drop(self, database: str) -> None:
        """Whoever is connected to it is thrown out."""
        self.run(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")

    def run(self, sql: str, *params: Any, database: str = "postgres") -> list[dict[str, Any]]:
        """What a statement gives, as somebody else; without parameters there may be several statements."""
        return run(self.url(database), sql, *params)

    @contextmanager
    def database(self, folder: Path, *, empty: bool = False) -> Iterator[PostgresDatabase]:
        """A database of a test's own, with auzap's tables unless it is to be ``empty``.

        :param folder: what relative paths start from.
        """
        name = self.create("template1" if empty else TEMPLATE)
        try:
            yield PostgresDatabase(self.url(name), folder, self)
        finally:
            if self._process is not None:
                self.drop(name)


@dataclass(frozen=True, slots=True)
class PostgresDatabase:
    """As ``tests.support.stores.Database``, of Postgres."""

    url: str
    folder: Path
    cluster: Cluster

    @property
    def name(self) -> str:
        return self.url.rpartition("/")[2]

    def open(self, *, before_commit: Callable[[], None] = lambda: None, busy: float = 5.0) -> Store:
        from auzap.storage import open_store

        return open_store(self.url, self.folder, before_commit=before_commit, busy=busy)

    def rows(self, sql: str, *params: Any) -> list[dict[str, Any]]:
        """:param sql: with ``?`` or ``$1`` for its parameters."""
        return run(self.url, sql, *params)

    def one(self, sql: str, *params: Any) -> dict[str, Any]:
        (row,) = self.rows(sql, *params)
        return row

    def count(self, table: str, where: str = "true") -> int:
        return int(self.one(f"SELECT count(*) AS n FROM {table} WHERE {where}")["n"])


def run(url: str, sql: str, *params: Any) -> list[dict[str, Any]]:
    async def work(connection: asyncpg.Connection) -> list[dict[str, Any]]:
        if not params:  # asyncpg prepares what has parameters, and prepares one statement at a time
            if sql.lstrip().upper().startswith(("SELECT", "WITH", "SHOW", "TABLE", "VALUES")) or "RETURNING" in sql:
                return [dict(row) for row in await connection.fetch(sql)]
            await connection.execute(sql)
            return []
        return [dict(row) for row in await connection.fetch(_numbered(sql), *params)]

    async def connected() -> list[dict[str, Any]]:
        import asyncpg

        connection = await asyncpg.connect(url, timeout=10)
        try:
            return await work(connection)
        finally:
            await connection.close()

    return blocking(connected)


def _numbered(sql: str) -> str:
    head, *rest = sql.split("?")
    return head + "".join(f"${number}{part}" for number, part in enumerate(rest, 1))


def _programs(name: str) -> Sequence[str]:
    folder = _binaries()
    assert folder is not None, "require_postgres() first"
    return [str(folder / name)]


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


# ---------------------------------------------------------------------- made and ended


@contextmanager
def shared_cluster(common: Path) -> Iterator[Cluster]:
    """A server with the template, for all tests of this process.

    :param common: a folder of the whole run: what one process has made there, the others copy.
    """
    with _running(common, _CARELESS) as cluster:
        yield cluster


@contextmanager
def private_cluster(common: Path, *, durable: bool = True, **settings: str) -> Iterator[Cluster]:
    """A server that a test may stop, kill and start again; with the template.

    :param durable: it writes to the disk what is committed.
    :param settings: of Postgres.
    """
    with _running(common, {**({} if durable else _CARELESS), **settings}) as cluster:
        yield cluster


@contextmanager
def _running(common: Path, settings: Mapping[str, str]) -> Iterator[Cluster]:
    require_postgres()
    ready = common / "postgres"
    with _home() as home:
        data = home / "data"
        with (common / "postgres.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not ready.exists():
                _make(data, ready)
        if not data.exists():
            _copy(ready, data, _user())
        cluster = Cluster(data, settings=settings)
        try:
            cluster.start()
            yield cluster
        finally:
            cluster.kill()


@contextmanager
def _home() -> Iterator[Path]:
    """A folder that the server's user may enter: the one of pytest's is the caller's alone."""
    home = Path(tempfile.mkdtemp(prefix="auzap-postgres-"))
    try:
        if (user := _user()) is not None:
            shutil.chown(home, user, user)
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _make(data: Path, ready: Path) -> None:
    """A new cluster with the template, and a copy of it for the other processes."""
    options = ["-U", ADMIN, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions"]
    subprocess.run(
        [*_programs("initdb"), "-D", str(data), *options], user=_user(), cwd="/", check=True, stdout=subprocess.DEVNULL
    )
    (data / "pg_hba.conf").write_text(_HBA)
    cluster = Cluster(data, settings=_CARELESS)
    cluster.start()
    try:
        cluster.run(f"CREATE ROLE {GUARDED} LOGIN PASSWORD '{PASSWORD}'")
        cluster.run(f"CREATE DATABASE {TEMPLATE}")
        _make_tables(cluster.url(TEMPLATE))
    finally:
        cluster.stop()
    half = ready.with_name(f"{ready.name}.half")
    shutil.rmtree(half, ignore_errors=True)
    _copy(data, half, None)
    half.rename(ready)


def _copy(source: Path, target: Path, owner: str | None) -> None:
    shutil.copytree(source, target)
    if owner is not None:
        for one in (target, *target.rglob("*")):
            shutil.chown(one, owner, owner)


def _make_tables(url: str) -> None:
    from auzap.storage.migrate import PluginTables, upgrade
    from tests.support.pets import Breed, Pet, Tag, Tagged, Visit

    upgrade(url, Path("/"), [PluginTables("auzap-pets", None, (Breed, Pet, Tag, Tagged, Visit))])
