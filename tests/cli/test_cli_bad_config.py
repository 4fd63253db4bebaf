"""A configuration, or a file that it names, is wrong: one clear line, and nothing is started or lost."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from auzap.registry import Registry
from tests.support.commands import Auzap, place, wait_until
from tests.support.gateway import GatewayProcess
from tests.support.house import House, environment, job, message
from tests.support.permissions import bound_by_permissions

COMMANDS = (
    "run",
    "run --drain",
    "queue stats",
    "dead list",
    "dead show x",
    "dead retry --all",
    "dead purge --all",
    "db upgrade",
)
CONFIG = """\
queue: sqlite:///queue.db
database: sqlite:///auzap.db
worker: {timeout: 2s}
tenants:
  shop:
    owners: ["+55 11 90000-0001"]
    instances:
      main: {channel: baileys, url: "http://127.0.0.1:1"}
    plugins:
      trouble: {}
"""
TOP = [
    ("worker:", "wroker:", "3:1: wroker: unknown key; did you mean worker?"),
    ("timeout: 2s", "timeuot: 2s", "3:10: worker.timeuot: unknown key; did you mean timeout?"),
    ("{timeout: 2s}", "five", "3:9: worker: should be a mapping, such as {key: value}"),
    ("2s", "2", "3:19: worker.timeout: a duration needs a unit: write 2s, 2m or 2h"),
    ("2s", "soon", "3:19: worker.timeout: not a duration: 'soon'; write it like 250ms, 30s, 5m, 1h30m or 7d"),
    (
        "sqlite:///queue.db",
        "${QUEUE}",
        "1:8: queue: the variable QUEUE is not set; set it, or write ${QUEUE:-default}",
    ),
    (
        "sqlite:///queue.db",
        "amqp://127.0.0.1",
        (
            "1:8: queue: queue 'amqp': not installed; installed: bullmq+redis, bullmq+rediss, redis, redis+cluster, "
            "redis+sentinel, rediss, sqlite"
        ),
    ),
    (
        "sqlite:///queue.db",
        "sqlite:///",
        "1:8: queue: queue 'sqlite:///': after sqlite:/// comes the path of a file and nothing else",
    ),
    (
        "sqlite:///auzap.db",
        "mysql://127.0.0.1/auzap",
        (
            "2:11: database: mysql: is no database that is known here; write it like sqlite:///data/auzap.db or "
            "postgresql://user:pass@host/db"
        ),
    ),
    (
        "worker:",
        "queue: sqlite:///q.db\nworker:",
        "3:1: queue: the key stands twice, on line 1 and on line 3; keep one of them",
    ),
]
TENANT = [
    ("plugins:", "plugin:", "9:5: tenants.shop.plugin: unknown key; did you mean plugins?"),
    (
        '"+55 11 90000-0001"',
        "nobody",
        "6:14: tenants.shop.owners[0]: 'nobody' is no phone number; write it like +55 11 90000-0001",
    ),
    ('["+55 11 90000-0001"]', "+55 11 90000-0001", "6:13: tenants.shop.owners: should be a list, such as [a, b]"),
    (
        "trouble: {}",
        "troubel: {}",
        (
            "10:16: tenants.shop.plugins.troubel: plugin 'troubel': not installed; did you mean trouble? installed: "
            f"{', '.join(offer.name for offer in Registry().plugins())}"
        ),
    ),
    ("{}", "{timeout: 5}", "10:26: tenants.shop.plugins.trouble.timeout: a duration needs a unit: write 5s, 5m or 5h"),
    (
        "baileys",
        "bailys",
        (
            "8:23: tenants.shop.instances.main.channel: channel 'bailys': not installed; did you mean baileys? "
            "installed: baileys, console, demo"
        ),
    ),
    ("url:", "uri:", "8:7: tenants.shop.instances.main.url: is missing"),
]


@pytest.mark.parametrize(("old", "new", "line"), TOP)
def test_a_mistake_at_the_top_stops_check_and_run(auzap: Auzap, old: str, new: str, line: str) -> None:
    auzap.path.write_text(CONFIG.replace(old, new, 1))
    ran = auzap("check")
    assert (ran.code, ran.lines) == (1, [f"{auzap.path}:{line}"])
    ran = auzap("run", "--drain")
    assert (ran.code, ran.out, ran.lines) == (2, "", [f"auzap: {auzap.path}:{line}"])
    assert not (auzap.path.parent / "queue.db").exists()


@pytest.mark.parametrize(("old", "new", "line"), TENANT)
def test_a_mistake_of_the_only_tenant_stops_check_and_run(auzap: Auzap, old: str, new: str, line: str) -> None:
    auzap.path.write_text(CONFIG.replace(old, new))
    ran = auzap("check")
    assert ran.code == 1
    assert ran.lines[0].startswith(f"{auzap.path}:{line}")  # and who uses it, and what may mend it
    ran = auzap("run", "--drain")
    assert (ran.code, ran.out, ran.lines[0]) == (2, "", f"auzap: no tenant can run: {auzap.path}:{line}")
    assert list(auzap.path.parent.iterdir()) == [auzap.path]


def test_the_other_tenants_are_answered_while_one_is_broken(
    house: House, auzap: Auzap, gateway: GatewayProcess
) -> None:
    shop = house.document["tenants"]["shop"]
    house.document["tenants"] |= {"salon": {**shop, "plugins": {"nope": {}}}, "bakery": {"plugns": {}}}
    house.write()
    jobs = house.folder / "jobs.jsonl"
    lines = [job(message("oi"), tenant=tenant) for tenant in ("shop", "salon", "bakery")]
    jobs.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    mistake = f"{place(house.path, 'plugns')}: tenants.bakery.plugns: unknown key; did you mean plugins?"
    ran = auzap("enqueue", str(jobs))
    assert (ran.code, ran.json) == (1, {"accepted": 2, "duplicates": 0, "refused": 1})
    assert ran.err.splitlines() == [f"left out bakery: {mistake}", "line 3: refused: left out tenant 'bakery'"]

    worker = house.start()
    try:
        wait_until(lambda: gateway.accepted() == 1)
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(timeout=20) == 0
    finally:
        worker.kill()
        worker.wait()
    errors = [line for line in house.log() if line["level"] == "error"]
    assert (errors[0]["event"], errors[0]["source"], errors[0]["error"]) == ("Configuration broken", "bakery", mistake)
    assert (errors[1]["event"], errors[1]["organization_id"]) == ("Tenant not started", "salon")
    assert "plugin 'nope': not installed" in errors[1]["error"]
    stats = auzap("queue", "stats").json
    assert (stats["waiting"] + stats["delayed"], stats["dead"]) == (1, 0)


# ------------------------------------------------------------------ the file itself


@pytest.mark.parametrize("command", COMMANDS)
def test_a_file_that_is_not_there_is_told_by_every_command(auzap: Auzap, command: str) -> None:
    ran = auzap(*command.split())
    assert (ran.code, ran.err) == (2, f"auzap: {auzap.path}: cannot be read: No such file or directory\n")


def make_folder(path: Path) -> None:
    path.mkdir()


def make_empty(path: Path) -> None:
    path.touch()


def make_comment(path: Path) -> None:
    path.write_text("# nothing yet\n")


def make_latin(path: Path) -> None:
    path.write_bytes(CONFIG.replace("trouble", "olá").encode("latin-1"))


def make_list(path: Path) -> None:
    path.write_text("- queue\n")


def make_unclosed(path: Path) -> None:
    path.write_text(CONFIG.replace("{timeout: 2s}", "{timeout: 2s"))


def make_deep(path: Path) -> None:
    path.write_text("queue: " + "[" * 100_000)


EMPTY = ":1:1: the file is empty: it should have the keys queue, database and tenants"


@pytest.mark.parametrize(
    ("make", "line"),
    [
        (make_folder, ": cannot be read: Is a directory"),
        (make_empty, EMPTY),
        (make_comment, EMPTY),
        (make_latin, ":10:9: not UTF-8: save the file as UTF-8"),
        (make_list, ":1:1: the file should have the keys queue, database and tenants"),
        (make_unclosed, ":4:8: not YAML: did not find expected ',' or '}'"),
        (make_deep, ":1:57: nested deeper than 50 levels"),
    ],
)
def test_a_file_that_is_no_configuration_is_told(auzap: Auzap, make: Callable[[Path], None], line: str) -> None:
    make(auzap.path)
    ran = auzap("check")
    assert (ran.code, ran.out, ran.err) == (1, "", f"{auzap.path}{line}\n")
    ran = auzap("run", "--drain")
    assert (ran.code, ran.err) == (2, f"auzap: {auzap.path}{line}\n")


# ------------------------------------------------------------------ the queue and the database


@pytest.mark.parametrize("command", ["run --drain", "queue stats", "dead list", "dead show x", "dead retry --all"])
def test_a_queue_file_that_is_no_queue_is_told_and_left_as_it_is(house: House, auzap: Auzap, command: str) -> None:
    content = b"the dog ate the queue\n" * 100
    (house.folder / "queue.db").write_bytes(content)
    ran = auzap(*command.split())
    assert (ran.code, ran.lines) == (2, [f"auzap: queue {house.folder}/queue.db: this file is no SQLite database"])
    assert auzap("check").lines == [f"queue {house.folder}/queue.db: this file is no SQLite database"]
    assert (house.folder / "queue.db").read_bytes() == content


def test_a_queue_in_the_databases_file_is_told(house: House, auzap: Auzap) -> None:
    house.document["queue"] = house.document["database"]
    house.write()
    where = place(house.path, "sqlite:///auzap.db")
    told = f"{where}: queue: this is the database's file; give the queue a file of its own"
    for command in ("run --drain", "queue stats", "dead list"):
        ran = auzap(*command.split())
        assert (ran.code, ran.lines) == (2, [f"auzap: {told}"])
    assert auzap("check").lines == [told]
    assert [path.name for path in house.folder.iterdir()] == ["config.yaml"]


def test_a_queue_file_that_is_something_else_is_told_before_the_database_is_changed(house: House, auzap: Auzap) -> None:
    change(house.folder / "queue.db", "CREATE TABLE recipes (name TEXT)")
    told = f"queue {house.folder}/queue.db: this file holds something else; give the queue a file of its own"
    ran = auzap("run", "--drain")
    assert (ran.code, ran.lines) == (2, [f"auzap: {told}"])
    assert not (house.folder / "auzap.db").exists()
    assert auzap("check").lines == [told]


def test_a_queue_of_a_newer_version_is_told(house: House, auzap: Auzap) -> None:
    auzap("queue", "stats")
    change(house.folder / "queue.db", "PRAGMA user_version = 99")
    told = f"queue {house.folder}/queue.db: written by a newer auzap (version 99 of the file, this one knows 1)"
    ran = auzap("run", "--drain")
    assert (ran.code, ran.lines) == (2, [f"auzap: {told}"])
    assert auzap("check").lines == [told]


def test_a_database_of_a_newer_version_is_told(house: House, auzap: Auzap) -> None:
    auzap("db", "upgrade")
    change(house.folder / "auzap.db", "UPDATE alembic_version_auzap SET version_num = '9999'")
    told = (
        f"{place(house.path, 'sqlite:///auzap.db')}: database: the database is newer than the code: "
        "auzap does not know its revision 9999; install the version that wrote it"
    )
    assert auzap("check").lines == [told]
    for command in ("run --drain", "db upgrade"):
        ran = auzap(*command.split())
        assert (ran.code, ran.lines) == (2, [f"auzap: {told}"])


def test_a_database_file_that_is_no_database_is_told(house: House, auzap: Auzap) -> None:
    (house.folder / "auzap.db").write_bytes(b"the dog ate the database\n" * 100)
    place_of_it = place(house.path, "sqlite:///auzap.db")
    told = f"{place_of_it}: database: {house.folder}/auzap.db: this file is no SQLite database"
    assert auzap("check").lines == [told]
    for command in ("db upgrade", "run --drain"):
        ran = auzap(*command.split())
        assert (ran.code, ran.lines) == (2, [f"auzap: {told}"])


def change(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(statement)


def test_a_data_folder_that_cannot_be_made_is_told(tmp_path: Path, auzap: Auzap) -> None:
    House(tmp_path, "http://127.0.0.1:1", queue="sqlite:///data/queue.db", database="sqlite:///data/auzap.db")
    (tmp_path / "data").touch()
    ran = auzap("queue", "stats")
    why = f"cannot make the folder {tmp_path}/data: File exists"
    assert (ran.code, ran.lines) == (1, [f"auzap: queue {tmp_path}/data/queue.db: {why}"])
    ran = auzap("db", "upgrade")
    assert (ran.code, ran.lines) == (1, [f"auzap: {tmp_path}/data/auzap.db: {why}"])


def test_run_waits_until_it_may_write_the_data_folder(tmp_path: Path, gateway: GatewayProcess) -> None:
    house = House(tmp_path, gateway.url, queue="sqlite:///data/queue.db", database="sqlite:///data/auzap.db")
    command = [*bound_by_permissions(), sys.executable, "-m", "auzap"]
    tmp_path.chmod(0o555)
    try:
        stats = subprocess.run(
            [*command, "queue", "stats", "-c", str(house.path)],
            env=environment(),
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
        )
        why = f"cannot make the folder {tmp_path}/data: Permission denied"
        assert (stats.returncode, stats.stderr) == (1, f"auzap: queue {tmp_path}/data/queue.db: {why}\n")
        worker = subprocess.Popen(
            [*command, "run", "--drain", "-c", str(house.path)],
            env=environment(),
            cwd="/",
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            assert worker.stderr is not None
            waiting = json.loads(worker.stderr.readline())
            assert (waiting["level"], waiting["event"], waiting["away"]) == ("error", "Waiting", "QueueUnavailable")
            assert waiting["error"] == f"queue {tmp_path}/data/queue.db: {why}"
            tmp_path.chmod(0o755)
            _, rest = worker.communicate(timeout=30)
        finally:
            worker.kill()
            worker.wait()
    finally:
        tmp_path.chmod(0o755)
    assert worker.returncode == 0
    assert "Back" in [json.loads(line)["event"] for line in rest.splitlines()]
