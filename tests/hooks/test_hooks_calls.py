"""The watchdog's thread can see which call a task is in."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import pytest

from auzap.contract.hookspecs import hookimpl
from auzap.contract.plugin import Plugin
from auzap.hooks import Call, Calls
from auzap.model.errors import HookFailed
from auzap.model.reply import Reply
from tests.support.hook_plugins import a_turn, hooks_of


class Looking:
    """Asks, from another thread, what a task is doing."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self.seen: list[Call | None] = []

    def at(self, task: asyncio.Task[Any] | None) -> None:
        assert task is not None
        thread = threading.Thread(target=lambda: self.seen.append(self._calls.current(task)))
        thread.start()
        thread.join()


async def test_another_thread_sees_tenant_plugin_hook_and_since_when() -> None:
    calls = Calls()
    looking = Looking(calls)

    class Seen(Plugin):
        @hookimpl
        async def handle_message(self) -> Reply:
            looking.at(asyncio.current_task())
            return Reply("a")

        @hookimpl
        async def review_replies(self) -> None:
            looking.at(asyncio.current_task())

    before = time.monotonic()
    turn = a_turn()
    hooks = hooks_of(Seen, calls=calls)
    await hooks.handle_message(turn.messages[0], turn.sender, turn)
    await hooks.review_replies([], turn)
    looking.at(asyncio.current_task())

    first, second, none = looking.seen
    assert first is not None
    assert second is not None
    assert (first.tenant, first.plugin, first.hook) == ("abc123", "seen", "handle_message")
    assert (second.plugin, second.hook) == ("seen", "review_replies")
    assert before <= first.began <= second.began <= time.monotonic()
    assert none is None


async def test_calls_of_several_tasks_are_told_apart_and_forgotten_when_they_end() -> None:
    calls = Calls()

    class Waiting(Plugin):
        @hookimpl
        async def handle_message(self) -> Reply:
            await asyncio.sleep(3600)
            return Reply("a")

    turn = a_turn()
    slow, quick = hooks_of(Waiting, calls=calls), hooks_of(Waiting, calls=calls, timeout=0.05)
    tasks = [asyncio.create_task(hooks.handle_message(turn.messages[0], turn.sender, turn)) for hooks in (slow, quick)]
    await asyncio.sleep(0)
    assert all(calls.current(task) is not None for task in tasks)

    with pytest.raises(HookFailed):
        await tasks[1]
    assert calls.current(tasks[0]) is not None
    assert calls.current(tasks[1]) is None

    tasks[0].cancel()
    with pytest.raises(asyncio.CancelledError):
        await tasks[0]
    assert calls.current(tasks[0]) is None
