"""``auzap run --processes``: several workers on one machine, as one command."""

from __future__ import annotations

import os
import re
import signal
import time
from collections import Counter
from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.support.commands import Auzap, logs_of, wait_until
from tests.support.gateway import GatewayProcess, Mode
from tests.support.house import House, job, message
from tests.support.tally import assert_no_fault, replies_by_chat
from tests.support.tty import on_a_terminal
from tests.support.workers import working
from tests.support.writing import SHIPPED, client, number_of, put_all, written


def put(house: House, *messages: dict[str, Any]) -> None:
    anyio.run(house.put, *(job(one) for one in messages))


def events(house: House, name: str) -> list[dict[str, Any]]:
    return [line for line in house.log() if line["event"] == name]


def pids(house: House) -> dict[int, int]:
    """Process number -> the pid of the last one."""
    found = {}
    for line in events(house, "Worker started"):
        match = re.search(r"-(\d+)-[^-]+$", line["worker"])
        assert match is not None
        found[line["process"]] = int(match[1])
    return found


def stored_by(house: House, process: int) -> int:
    return sum(line["process"] == process for line in events(house, "Message stored"))


def is_there(pid: int) -> bool:
    """Also when nobody has asked yet how it ended: then it works no more."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


def all_stored(house: House, turns: int) -> None:
    wait_until(lambda: len(events(house, "Message stored")) >= turns)


def gates(house: House, contacts: int) -> list[dict[str, Any]]:
    """A message of each, answered when the gate is open; more than one process takes."""
    house.document["worker"] |= {"concurrency": 1, "drain": "60s", "timeout": "60s"}
    house.write()
    return [message("!gate", phone=f"55119000000{n}") for n in range(10, 10 + contacts)]


def test_killed_under_load_it_is_started_again_and_nothing_is_lost_or_doubled(
    tmp_path: Path, gateway: GatewayProcess
) -> None:
    gateway.set(Mode(delay=(0.02, 0.03)))
    house = House(tmp_path, gateway.url, plugins=SHIPPED, worker={"lease": "1s", "concurrency": 4})
    supervisor = house.start("--processes", "2")
    with working(supervisor):
        wait_until(lambda: len(events(house, "Worker started")) == 2)
        victim = pids(house)[2]
        anyio.run(put_all, house, [written(number, client(number % 60)) for number in range(400)])
        wait_until(lambda: stored_by(house, 2) >= 20)
        os.kill(victim, signal.SIGKILL)
        wait_until(lambda: house.one("SELECT count(*) FROM auzap_inbox WHERE state = 'done'") == 400)
        wait_until(lambda: len(events(house, "Worker started")) == 3)
        supervisor.send_signal(signal.SIGTERM)
        assert supervisor.wait(timeout=30) == 0
    posts = gateway.log()
    assert_no_fault(house, posts, clients=[f"M{number}" for number in range(400)])
    for texts in replies_by_chat(posts).values():
        numbers = [number_of(text) for text in texts]
        assert numbers == sorted(numbers)
    [told] = events(house, "Process ended, to be started again")
    assert (told["process"], told["pid"], told["signal"], told["seconds"]) == (2, victim, "SIGKILL", 0.5)
    assert len(events(house, "Schema upgraded")) == 1
    assert stored_by(house, 1) > 0


def test_one_sigterm_lets_all_finish_also_where_the_signal_reaches_each(house: House, gateway: GatewayProcess) -> None:
    """Ctrl-C on a terminal does, and so does a service manager."""
    put(house, *gates(house, 4))
    supervisor = house.start("--processes", "2")
    with working(supervisor):
        all_stored(house, 2)
        everybody = [*pids(house).values(), supervisor.pid]
        for number in (signal.SIGINT, signal.SIGHUP):
            for pid in everybody:
                os.kill(pid, number)
        wait_until(lambda: len(events(house, "Stopping")) == 3)
        os.kill(everybody[0], signal.SIGTERM)
        (house.folder / "gate").touch()
        assert supervisor.wait(timeout=30) == 0
    assert gateway.accepted() == 2, "what was in hand"
    assert events(house, "Lane given back") == []
    assert {line["signal"] for line in events(house, "Stopping")} == {"SIGINT"}
    assert len([line for line in house.log() if "nothing has changed" in line["event"]]) == 2, "the supervisor's alone"
    assert not any(map(is_there, everybody))
    assert {row["state"] for row in house.queued("SELECT state FROM lanes")} == {"ready"}


def test_a_second_signal_gives_back_at_once(house: House, gateway: GatewayProcess) -> None:
    put(house, *gates(house, 2))
    supervisor = house.start("--processes", "1")
    with working(supervisor):
        all_stored(house, 1)
        supervisor.send_signal(signal.SIGTERM)
        wait_until(lambda: len(events(house, "Stopping")) == 2)
        assert supervisor.poll() is None
        began = time.monotonic()
        supervisor.send_signal(signal.SIGINT)
        assert supervisor.wait(timeout=30) == 0
    assert time.monotonic() - began < 20
    assert house.queued("SELECT DISTINCT state, attempts, lost_leases FROM envelopes") == [
        {"state": "waiting", "attempts": 0, "lost_leases": 0}
    ]


def test_when_the_supervisor_is_killed_its_workers_finish_and_end(house: House, gateway: GatewayProcess) -> None:
    put(house, *gates(house, 2))
    supervisor = house.start("--processes", "1")
    with working(supervisor):
        all_stored(house, 1)
        workers = pids(house).values()
        supervisor.kill()
        supervisor.wait()
        try:
            wait_until(lambda: len(events(house, "Stopping")) == 1)
            (house.folder / "gate").touch()
            wait_until(lambda: not any(map(is_there, workers)))
        finally:
            for worker in filter(is_there, workers):
                os.kill(worker, signal.SIGKILL)
    assert len(events(house, "The supervisor is gone")) == 1
    assert gateway.accepted() == 1
    assert {row["state"] for row in house.queued("SELECT state FROM lanes")} == {"ready"}


def test_who_waits_for_a_database_that_is_away_ends_when_told_to(house: House) -> None:
    (house.folder / "auzap.db").mkdir()
    supervisor = house.start("--processes", "2")
    with working(supervisor):
        wait_until(lambda: len(events(house, "Waiting")) == 1)
        supervisor.send_signal(signal.SIGTERM)
        assert supervisor.wait(timeout=30) == 0
    assert events(house, "Worker started") == []


def test_on_a_terminal_the_first_one_has_the_keyboard_and_ctrl_c_ends_all(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(
        "queue: sqlite:///queue.db\ndatabase: sqlite:///auzap.db\n"
        "tenants: {shop: {instances: {main: {channel: demo, script: [{client: um}], pause: 100ms, wait: 100ms}},"
        " plugins: {client_ai: {}}}}\n"
    )
    with on_a_terminal("run", "--processes", "2", "-c", "config.yaml", folder=tmp_path, NO_COLOR="1") as screen:
        screen.wait_for("Worker started", times=2)
        screen.wait_for("Try next:")
        screen.type("Quanto custa o banho?\n")
        screen.wait_for('Recebi sua mensagem: "Quanto custa o banho?"')
        time.sleep(0.5)  # the other one would have played by now
        screen.type("\x03")
        assert screen.end() == 0
    assert screen.text.count("customer | um") == 1
    assert "keyboard" not in screen.text
    assert "Traceback" not in screen.text
    assert "force" not in screen.text


@pytest.mark.parametrize("number", ["0", "-1", "many", "1.5", "257", ""])
def test_how_many_is_a_number_or_auto(auzap: Auzap, number: str) -> None:
    ran = auzap("run", "--processes", number)
    assert (ran.code, len(ran.lines)) == (2, 1)
    assert "neither auto nor a number from 1 to 256" in ran.err


def test_a_wrong_configuration_is_told_once(house: House) -> None:
    house.document["tenants"]["shop"]["plugins"] = {"absent": {}}
    house.write()
    done = house.auzap("run", "--processes", "3")
    assert done.returncode == 2
    [line] = [line for line in done.stderr.splitlines() if not line.startswith("{")]
    assert line.startswith("auzap: no tenant can run")
    assert [line["event"] for line in logs_of(done.stderr) if line["level"] != "info"] == ["Tenant not started"]


def test_drain_ends_all_and_what_is_told_by_several_is_told_once_in_whole_lines(
    house: House, gateway: GatewayProcess
) -> None:
    put(house, *(message("oi", phone=f"55119000{n:05d}") for n in range(300)))
    house.document["tenants"]["salon"] = {"plugins": {"absent": {}}}
    house.write()
    done = house.auzap("run", "--processes", "auto", "--drain")  # into a pipe
    assert done.returncode == 0
    assert gateway.accepted() == 300
    log = logs_of(done.stderr)
    assert len(log) == len(done.stderr.splitlines()) > 1200
    told = Counter(line["event"] for line in log)
    cores = len(os.sched_getaffinity(0))
    assert log[0]["processes"] == told["Worker started"] == told["Worker stopped"] == cores
    assert told["Tenant not started"] == told["Schema upgraded"] == 1
    assert all("process" in line for line in log if line["logger"] != "auzap.supervisor")
