"""A configuration that is saved takes effect: by itself, by SIGHUP, by `auzap reload`."""

from __future__ import annotations

import os
import signal
import socket
import tempfile
import time
from pathlib import Path
from typing import Any

import anyio
import pytest

from auzap.worker import control
from tests.support.commands import Auzap, place, wait_until
from tests.support.gateway import GatewayProcess
from tests.support.house import House, job, message
from tests.support.workers import working


@pytest.fixture
def house(tmp_path: Path, gateway: GatewayProcess) -> House:
    plugins = {"stamp": {"mark": "one"}}
    return House(tmp_path, gateway.url, tenants=["shop", "salon"], plugins=plugins, instance={"token": "${file:token}"})


@pytest.fixture(autouse=True)
def sockets(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder for sockets that is this test's alone."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("run")))


def events(house: House, *names: str) -> list[dict[str, Any]]:
    return [line for line in house.log() if line["event"] in names]


def swaps(house: House) -> int:
    return len(events(house, "Configuration swapped", "Configuration kept as it was"))


def mark(house: House, to: str) -> None:
    for tenant in house.document["tenants"].values():
        tenant["plugins"] = {"stamp": {"mark": to}}


def replied(house: House, gateway: GatewayProcess, text: str) -> str:
    """What the tenant answers now."""
    before = gateway.accepted()
    anyio.run(house.put, job(message(text)))
    wait_until(lambda: gateway.accepted() == before + 1)
    return gateway.log()[-1].text


def test_a_save_takes_effect_within_two_seconds_and_so_do_sighup_and_reload(
    house: House, auzap: Auzap, gateway: GatewayProcess
) -> None:
    (house.folder / "token").write_text("secret-1\n")
    worker = house.start()
    with working(worker):
        assert replied(house, gateway, "oi") == "one/one oi"
        began = time.monotonic()
        mark(house, "two")
        house.write()
        wait_until(lambda: swaps(house) == 1)
        assert time.monotonic() - began < 2
        assert replied(house, gateway, "oi") == "two/two oi"

        (house.folder / "token").write_text("secret-2\n")  # nothing of the YAML is touched
        wait_until(lambda: swaps(house) == 2)
        assert replied(house, gateway, "oi") == "two/two oi"
        assert gateway.log()[-1].authorization == "Bearer secret-2"

        os.utime(house.path)  # its time alone is no news
        worker.send_signal(signal.SIGHUP)
        wait_until(lambda: len(events(house, "Configuration read again, nothing has changed")) == 1)

        ran = auzap("reload")
        assert (ran.code, ran.lines) == (0, [])
        assert ran.out.startswith(f"pid {worker.pid}: nothing has changed (")
        mark(house, "bad")
        house.write()
        ran = auzap("reload")
        assert ran.code == 1
        assert ran.out.startswith(f"pid {worker.pid}: 2 refused (")
        where = place(house.path, "bad")
        assert ran.lines[0] == f"{where}: tenants.shop.plugins.stamp.mark: should be a good mark"
        told = auzap("reload", "--json")
        [one] = told.json["processes"]
        assert (told.code, one["pid"], one["process"], sorted(one["refused"])) == (
            1,
            worker.pid,
            None,
            ["salon", "shop"],
        )
        assert replied(house, gateway, "oi") == "two/two oi"

        worker.send_signal(signal.SIGTERM)
        assert worker.wait(timeout=20) == 0
    assert "secret" not in (house.folder / "worker.log").read_text()
    answered = [line for line in house.log() if line["event"] == "Message processed and response sent"]
    versions = [line["config_version"] for line in answered]
    assert len(versions) == 4
    assert len(set(versions)) == 3


def test_all_processes_of_a_supervisor_are_told(house: House, auzap: Auzap) -> None:
    (house.folder / "token").write_text("secret-1\n")
    supervisor = house.start("--processes", "2", "--no-watch")
    with working(supervisor):
        wait_until(lambda: len(events(house, "Worker started")) == 2)
        mark(house, "two")
        house.write()
        time.sleep(0.7)
        assert swaps(house) == 0, "nobody looks"
        supervisor.send_signal(signal.SIGHUP)
        wait_until(lambda: swaps(house) == 2)
        mark(house, "three")
        house.write()
        told = auzap("reload", "--json")
        assert told.code == 0
        processes = {one["process"]: one for one in told.json["processes"]}
        assert sorted(processes) == [1, 2]
        assert all(one["changed"] == ["shop", "salon"] for one in processes.values())
        supervisor.send_signal(signal.SIGTERM)
        assert supervisor.wait(timeout=20) == 0


def test_where_nothing_runs_it_says_so_and_clears_what_the_killed_have_left(
    house: House, auzap: Auzap, tmp_path: Path
) -> None:
    ran = auzap("reload")
    assert (ran.code, ran.lines) == (1, [f"auzap: nothing runs with {house.path} on this machine under this user"])
    folder = Path(os.environ["XDG_RUNTIME_DIR"]) / "auzap"
    folder.mkdir(mode=0o700)
    name = control.socket_of(house.path, pid=4_000_000)
    with socket.socket(socket.AF_UNIX) as killed:
        killed.bind(str(name))
    assert auzap("reload", "--json").json == {"processes": []}
    assert list(folder.iterdir()) == []
    folder.chmod(0o755)
    ran = auzap("reload")
    assert ran.code == 1
    assert "is not a folder of this user's alone" in ran.lines[0]


def test_a_socket_has_a_path_that_is_short_enough(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = tmp_path / ("x" * 100)
    long.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(long))
    path = control.socket_of(house.path, pid=4_000_000)
    assert path.parent.parent == Path(tempfile.gettempdir())
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
    try:
        assert [one.pid for one in control.running(house.path)] == [4_000_000]
    finally:
        path.unlink()
