"""The supervisor: who is started again, when, and what it makes of ends. Its processes here do one thing each."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import anyio
import pytest

from auzap.worker.orders import READY
from auzap.worker.supervise import Backoff, Supervisor, ending

#: python -c this PIPE NUMBER AGAIN: notes that it was started
_BEGIN = """\
import os, pathlib, signal, socket, sys, time
pipe, number, again = socket.socket(fileno=int(sys.argv[1])), sys.argv[2], sys.argv[3] == "True"
signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGTERM, signal.SIGINT))
with open("started", "a") as file:
    file.write(number)
begin = lambda: pipe.send({ready!r})
"""
#: works until it is told to stop
_WORK = "begin(); told = pipe.recv(1); open(f'told-{number}', 'wb').write(told)"
_SOON = Backoff(first=0.02, longest=0.05)


def supervisor(
    folder: Path, does: str, processes: int = 1, *, until_empty: bool = False, backoff: Backoff = _SOON
) -> Supervisor:
    script = f"{_BEGIN.format(ready=READY)}{does}\n".replace("with open", f"os.chdir({str(folder)!r})\nwith open")

    def command(number: int, again: bool, pipe: int) -> Sequence[str]:
        return [sys.executable, "-I", "-S", "-c", script, str(pipe), str(number), str(again)]

    return Supervisor(command, processes, until_empty=until_empty, backoff=backoff)


def started(folder: Path) -> str:
    """The numbers of all that were, in order."""
    file = folder / "started"
    return file.read_text() if file.exists() else ""


async def run_until(one: Supervisor, done: Callable[[], bool]) -> int:
    """Stop it when something has come about. Returns its exit code."""
    codes: list[int] = []

    async def run() -> None:
        codes.append(await one.run())

    with anyio.fail_after(30):
        async with anyio.create_task_group() as running:
            running.start_soon(run)
            while not done():  # noqa: ASYNC110 - it happens in other processes
                await anyio.sleep(0.005)
            one.stop(signal.SIGTERM)
    return codes[0]


@pytest.mark.parametrize(
    "dies", ["sys.exit(1)", "sys.exit(2)", "sys.exit(70)", "sys.exit(0)", "os.kill(os.getpid(), signal.SIGKILL)"]
)
async def test_whoever_ends_at_work_is_started_again(tmp_path: Path, dies: str) -> None:
    one = supervisor(tmp_path, f"begin(); again or {dies}; {_WORK}")
    assert await run_until(one, lambda: started(tmp_path) == "11") == 0


async def test_the_others_are_started_when_the_first_one_works(tmp_path: Path) -> None:
    one = supervisor(tmp_path, f"number == '1' and time.sleep(0.2)\n{_WORK}", 3)
    assert await run_until(one, lambda: len(started(tmp_path)) == 3) == 0
    assert started(tmp_path)[0] == "1"


@pytest.mark.parametrize("code", [1, 2])
async def test_who_cannot_start_as_it_is_configured_is_not_started_again(tmp_path: Path, code: int) -> None:
    one = supervisor(tmp_path, f"sys.exit({code})", 3)
    with anyio.fail_after(30):
        assert await one.run() == code
    assert started(tmp_path) == "1"


async def test_nor_is_it_when_others_work_which_then_end(tmp_path: Path) -> None:
    one = supervisor(tmp_path, f"number == '2' and sys.exit(2)\n{_WORK}", 2)
    with anyio.fail_after(30):
        assert await one.run() == 2
    assert started(tmp_path) == "12"
    assert (tmp_path / "told-1").read_bytes() == bytes([signal.SIGTERM])


async def test_a_mistake_that_was_made_since_does_not_end_those_that_work(tmp_path: Path) -> None:
    one = supervisor(tmp_path, f"number == '2' and (again and sys.exit(2), begin(), sys.exit(70))\n{_WORK}", 2)
    assert await run_until(one, lambda: started(tmp_path).count("2") == 3) == 0
    assert started(tmp_path).count("1") == 1


async def test_who_is_killed_before_it_works_is_started_again(tmp_path: Path) -> None:
    one = supervisor(tmp_path, "os.kill(os.getpid(), signal.SIGKILL)", 2)
    assert await run_until(one, lambda: started(tmp_path) == "111") == 0


async def test_a_signal_is_handed_on_once_to_each(tmp_path: Path) -> None:
    one = supervisor(tmp_path, _WORK, 2)
    assert await run_until(one, lambda: len(started(tmp_path)) == 2) == 0
    assert [(tmp_path / f"told-{n}").read_bytes() for n in (1, 2)] == [bytes([signal.SIGTERM])] * 2


async def test_however_many_are_started_it_goes_on_to_take_signals(tmp_path: Path) -> None:
    one = supervisor(tmp_path, _WORK, 5)
    assert await run_until(one, lambda: len(started(tmp_path)) == 5) == 0
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == set()


async def test_told_again_it_waits_for_nobody_who_has_not_begun(tmp_path: Path) -> None:
    one = supervisor(tmp_path, "time.sleep(3600)", 2)

    def twice() -> bool:
        if started(tmp_path) == "1":
            one.stop(signal.SIGINT)
            return True
        return False

    assert await run_until(one, twice) == 0


async def test_told_to_stop_it_does_not_sit_out_a_back_off(tmp_path: Path) -> None:
    one = supervisor(tmp_path, "begin(); sys.exit(70)", backoff=Backoff(first=3600))
    began = time.monotonic()

    async def stop_later() -> None:
        await anyio.sleep(0.3)
        one.stop(signal.SIGTERM)

    async with anyio.create_task_group() as beside:
        beside.start_soon(stop_later)
        assert await one.run() in (0, 70)
    assert time.monotonic() - began < 20


async def test_one_that_fails_at_its_end_is_told_by_the_exit_code(tmp_path: Path) -> None:
    one = supervisor(tmp_path, f"{_WORK}; sys.exit(3 if number == '1' else 0)", 2)
    assert await run_until(one, lambda: len(started(tmp_path)) == 2) == 3


async def test_until_empty_ends_when_all_have_ended_well(tmp_path: Path) -> None:
    one = supervisor(tmp_path, "begin(); number == '1' and not again and sys.exit(70)", 3, until_empty=True)
    with anyio.fail_after(30):
        assert await one.run() == 0
    assert sorted(started(tmp_path)) == ["1", "1", "2", "3"]


async def test_a_command_that_cannot_be_run_is_tried_again(tmp_path: Path) -> None:
    calls: list[int] = []

    def command(number: int, again: bool, pipe: int) -> Sequence[str]:
        calls.append(number)
        return [str(tmp_path / "gone"), str(pipe)]

    one = Supervisor(command, 2, backoff=_SOON)
    assert await run_until(one, lambda: len(calls) >= 3) == 0
    assert set(calls) == {1}


def test_a_back_off_grows_to_its_longest_and_begins_anew_after_health() -> None:
    backoff = Backoff(first=0.5, longest=4.0, healthy=60.0)
    delays = [0.0]
    for _ in range(5):
        delays.append(backoff.next(delays[-1], lived=1.0))
    assert delays[1:] == [0.5, 1.0, 2.0, 4.0, 4.0]
    assert backoff.next(4.0, lived=60.0) == 0.5


def test_an_end_is_told_by_its_code_or_by_its_signal() -> None:
    assert ending(70) == {"exit_code": 70}
    assert ending(-9) == {"signal": "SIGKILL"}
    assert ending(-63) == {"signal": 63}
