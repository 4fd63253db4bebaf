"""The sockets by which `auzap reload` reaches a process."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import anyio
import pytest

from auzap.worker import control
from tests.support.commands import wait_until
from tests.support.house import House
from tests.support.swaps import swapping

pytestmark = pytest.mark.anyio


class Knocking(threading.Thread):
    """Knocks at every socket of a folder, again and again, and counts who was there and did not open."""

    def __init__(self, folder: Path) -> None:
        super().__init__(daemon=True)
        self._folder = folder
        self.opened = self.refused = 0
        self.done = False

    def run(self) -> None:
        while not self.done:
            for path in self._folder.glob("*.sock"):
                with socket.socket(socket.AF_UNIX) as one:
                    try:
                        one.connect(str(path))
                        self.opened += 1
                    except ConnectionRefusedError:
                        self.refused += path.exists()
                    except FileNotFoundError:
                        pass  # it has gone meanwhile


async def test_a_socket_that_is_there_listens(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that refuses is removed, as a killed process's."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("run")))
    house = House(tmp_path, "http://127.0.0.1:9", plugins={"stamp": {"mark": "one"}})
    async with swapping(house) as swaps:
        folder = control.socket_of(house.path, pid=1).parent
        for _ in range(50):
            knocking = Knocking(folder)
            knocking.start()
            async with anyio.create_task_group() as answering:
                answering.start_soon(control.answer, swaps.swapper, house.path, None)
                await anyio.to_thread.run_sync(wait_until, lambda: knocking.opened > 0)  # noqa: B023 - at once
                knocking.done = True
                await anyio.to_thread.run_sync(knocking.join)
                answering.cancel_scope.cancel()
            assert knocking.refused == 0
    assert list(folder.iterdir()) == []
