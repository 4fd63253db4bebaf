"""Plain functions run in worker threads, at most four a tenant."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import anyio
import pytest

from auzap.contract.hookspecs import hookimpl
from auzap.contract.plugin import Plugin
from auzap.hooks import TenantHooks
from auzap.model.errors import HookFailed, StoreUnavailable, Unavailable, cause_of
from auzap.model.event import Event
from auzap.model.message import Message
from auzap.model.people import Sender
from auzap.model.reply import Reply
from tests.support.hook_plugins import NoStore, a_message, a_turn, hooks_of, instance_of


class Gate:
    """Holds threads until it is opened; counts those inside."""

    def __init__(self) -> None:
        self._open = threading.Event()
        self._inside = threading.Semaphore(0)

    def wait(self) -> None:
        self._inside.release()
        assert self._open.wait(10)

    async def reached(self, times: int) -> None:
        for _ in range(times):
            assert await asyncio.to_thread(self._inside.acquire, timeout=5)

    def open(self) -> None:
        self._open.set()


@pytest.fixture
def gate() -> Iterator[Gate]:
    gate = Gate()
    yield gate
    gate.open()


def waiting_at(gate: Gate) -> type[Plugin]:
    class Blocked(Plugin):
        @hookimpl
        def handle_message(self) -> Reply:
            gate.wait()
            return Reply("through")

    return Blocked


async def handle(hooks: TenantHooks) -> Any:
    turn = a_turn()
    return await hooks.handle_message(turn.messages[0], turn.sender, turn)


def threads_of(tenant: str) -> int:
    return sum(thread.name.startswith(f"auzap-{tenant}-") for thread in threading.enumerate())


async def ended(tenant: str) -> None:
    """Wait until the threads of a tenant that nobody holds any more have ended."""
    async with asyncio.timeout(5):
        while threads_of(tenant):
            gc.collect()
            await asyncio.sleep(0.01)


# ------------------------------------------------------------------ in a thread


async def test_a_plain_function_runs_in_a_thread_that_does_not_keep_the_process() -> None:
    class Plain(Plugin):
        @hookimpl
        def handle_message(self, message: Message) -> Reply:
            thread = threading.current_thread()
            return Reply(f"{message.text} {thread is threading.main_thread()} {thread.daemon}")

    answered = await handle(hooks_of(Plain))

    assert answered.value.replies == (Reply("oi False True"),)


async def test_all_three_hooks_may_be_plain() -> None:
    heard = []

    class Plain(Plugin):
        @hookimpl
        def classify_sender(self) -> Sender:
            return Sender(role="owner")

        @hookimpl
        def handle_message(self) -> list[Reply]:
            return []

        @hookimpl
        def handle_event(self, event: Event) -> None:
            heard.append(event.kind)

    hooks = hooks_of(Plain)

    assert await hooks.classify_sender(a_message(), NoStore(), "main") is not None
    assert await handle(hooks) is not None
    assert await hooks.handle_event(Event(kind="echo", chat_id="x"), "main", NoStore()) == []
    assert heard == ["echo"]


async def test_a_plain_function_sees_the_context_of_its_turn() -> None:
    job = contextvars.ContextVar("job", default="none")

    class Plain(Plugin):
        @hookimpl
        def handle_message(self) -> Reply:
            return Reply(job.get())

    job.set("the turn's")

    assert (await handle(hooks_of(Plain))).value.replies == (Reply("the turn's"),)


async def test_a_coroutine_that_a_plain_function_returns_is_awaited() -> None:
    class Mixed(Plugin):
        @hookimpl
        def handle_message(self) -> Any:
            return self.later()

        async def later(self) -> Reply:
            await asyncio.sleep(0.01)
            return Reply("later")

    assert (await handle(hooks_of(Mixed))).value.replies == (Reply("later"),)


@pytest.mark.parametrize(
    "error", [ValueError("x"), SystemExit(3), KeyboardInterrupt(), StopIteration(), asyncio.CancelledError()]
)
async def test_what_a_plain_function_raises_costs_only_the_attempt(error: BaseException) -> None:
    class Raising(Plugin):
        @hookimpl
        def handle_message(self) -> None:
            raise error

    hooks = hooks_of(Raising)
    for _ in range(5):
        with pytest.raises(HookFailed, match=type(error).__name__):
            await handle(hooks)


async def test_a_store_that_is_away_is_found_behind_a_plain_function() -> None:
    class Raising(Plugin):
        @hookimpl
        def handle_message(self) -> None:
            raise StoreUnavailable("locked")

    with pytest.raises(HookFailed) as caught:
        await handle(hooks_of(Raising))

    assert isinstance(cause_of(caught.value, Unavailable), StoreUnavailable)


async def test_nonsense_of_a_plain_function_is_told() -> None:
    class Plain(Plugin):
        @hookimpl
        def handle_message(self):  # type: ignore[no-untyped-def]
            return 7

    with pytest.raises(HookFailed, match="returned int, not Reply"):
        await handle(hooks_of(Plain))


# ------------------------------------------------------------------ deadline and places


async def test_a_thread_that_hangs_is_left_behind_at_its_deadline(gate: Gate) -> None:
    with pytest.raises(HookFailed) as caught:
        await handle(hooks_of(waiting_at(gate), timeout=0.05))

    assert caught.value.reason == (
        "no answer within 0.05 s; its thread is left behind and keeps one of 4 places until it ends"
    )


async def test_four_run_at_a_time_and_the_fifth_waits(gate: Gate) -> None:
    tenant = "four"
    hooks = hooks_of(waiting_at(gate), tenant=tenant)
    async with asyncio.TaskGroup() as group:
        calls = [group.create_task(handle(hooks)) for _ in range(6)]
        await gate.reached(4)
        assert threads_of(tenant) == 4
        assert not any(call.done() for call in calls)
        gate.open()

    assert threads_of(tenant) == 4
    assert [call.result().plugin for call in calls] == ["blocked"] * 6


async def test_threads_left_behind_keep_their_places_and_others_fail_naming_them(gate: Gate) -> None:
    class Quick(Plugin):
        @hookimpl
        def classify_sender(self) -> Sender:
            return Sender(role="client")

    tenant = "left-behind"
    plugins = instance_of(waiting_at(gate), timeout="50ms"), instance_of(Quick, timeout="100ms")
    hooks = hooks_of(*plugins, tenant=tenant)
    failures = await asyncio.gather(*(handle(hooks) for _ in range(4)), return_exceptions=True)
    assert all(isinstance(failure, HookFailed) for failure in failures)

    with pytest.raises(HookFailed) as caught:
        await hooks.classify_sender(a_message(), NoStore(), "main")

    assert caught.value.plugin == "quick"
    assert caught.value.reason == (
        "no thread was free within 0.1 s: all 4 threads of the tenant are busy: "
        "4 x blocked.handle_message (left behind)"
    )
    assert threads_of(tenant) == 4


async def test_a_place_is_free_again_when_the_thread_has_really_ended(gate: Gate) -> None:
    tenant = "free-again"
    hooks = hooks_of(instance_of(waiting_at(gate), breaker=None), timeout=0.05, tenant=tenant)
    await asyncio.gather(*(handle(hooks) for _ in range(6)), return_exceptions=True)

    gate.open()

    async with asyncio.timeout(5):
        while True:
            try:
                assert (await handle(hooks)).value.replies == (Reply("through"),)
            except HookFailed:
                continue  # the threads are still on their way out
            break
    assert threads_of(tenant) == 4


async def test_a_coroutine_that_comes_after_the_deadline_is_dropped_in_silence(gate: Gate) -> None:
    class Mixed(Plugin):
        @hookimpl
        def handle_message(self) -> Any:
            gate.wait()
            return self.later()

        async def later(self) -> Reply:
            return Reply("late")

    hooks = hooks_of(Mixed, timeout=0.05, tenant="mixed")
    with pytest.raises(HookFailed, match=r"no answer within 0\.05 s"):
        await handle(hooks)
    gate.open()
    del hooks
    await ended("mixed")


async def test_tenants_do_not_share_threads(gate: Gate) -> None:
    hanging, other = hooks_of(waiting_at(gate), timeout=0.05), hooks_of(waiting_at(gate))
    await asyncio.gather(*(handle(hanging) for _ in range(4)), return_exceptions=True)
    gate.open()

    assert await handle(other) is not None


async def test_a_cancellation_from_outside_passes_and_leaves_the_thread_behind(gate: Gate) -> None:
    hooks = hooks_of(waiting_at(gate))
    with anyio.move_on_after(0.05) as scope:
        await handle(hooks)
    assert scope.cancelled_caught

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(handle(hooks)) for _ in range(6)]
        await gate.reached(4)
        for task in tasks:  # also those that wait for a place
            task.cancel()
    assert all(task.cancelled() for task in tasks)


async def test_the_threads_end_when_the_tenant_is_gone() -> None:
    class Plain(Plugin):
        @hookimpl
        def handle_message(self) -> None:
            return None

    hooks = hooks_of(Plain, tenant="gone")
    await handle(hooks)
    assert threads_of("gone") == 1

    del hooks

    await ended("gone")


HANGING_PROGRAM = """
import asyncio, time
from auzap.contract.hookspecs import hookimpl
from auzap.contract.plugin import Plugin
from auzap.model.errors import HookFailed
from tests.support.hook_plugins import a_turn, hooks_of

class Hanging(Plugin):
    @hookimpl
    def handle_message(self):
        time.sleep(3600)

async def main():
    turn = a_turn()
    try:
        await hooks_of(Hanging, timeout=0.05).handle_message(turn.messages[0], turn.sender, turn)
    except HookFailed as failure:
        print(failure.plugin)

asyncio.run(main())
"""


def test_a_thread_that_hangs_does_not_keep_the_process_from_ending() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", HANGING_PROGRAM], capture_output=True, text=True, timeout=30, check=False
    )

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "hanging\n", "")
