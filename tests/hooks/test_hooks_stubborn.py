"""Plugins that would look like the end of the task, or that nothing ends."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import anyio
import pytest

from auzap.contract.hookspecs import hookimpl
from auzap.contract.plugin import Plugin
from auzap.hooks import TenantHooks
from auzap.model.errors import HookFailed
from auzap.model.reply import Reply
from tests.support.hook_plugins import a_turn, hooks_of


async def handle(hooks: TenantHooks) -> Any:
    turn = a_turn()
    return await hooks.handle_message(turn.messages[0], turn.sender, turn)


class Closing(Plugin):
    @hookimpl
    async def handle_message(self) -> None:
        raise GeneratorExit("at once")


class ClosingLater(Plugin):
    @hookimpl
    async def handle_message(self) -> None:
        await asyncio.sleep(0.01)
        raise GeneratorExit("later")


class Waiting(Plugin):
    closed: Any = False

    @hookimpl
    async def handle_message(self) -> None:
        try:
            await asyncio.sleep(3600)
        except BaseException as error:
            Waiting.closed = error
            raise


class Deaf(Plugin):
    @hookimpl
    async def handle_message(self) -> None:
        while True:
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(3600)


class Holding(Plugin):
    """Deaf, and slow to let go of what it holds."""

    held = True

    @hookimpl
    async def handle_message(self) -> None:
        async with _hold():
            await Deaf.handle_message(self)  # type: ignore[arg-type]


@asynccontextmanager
async def _hold() -> AsyncIterator[None]:
    try:
        yield
    finally:
        try:
            await asyncio.sleep(3600)
        finally:
            Holding.held = False


class Tidy(Plugin):
    """Cleans up in a scope of its own that is cancelled: it hears of it again and again, and then goes on."""

    @hookimpl
    async def handle_message(self) -> Reply:
        with anyio.move_on_after(0.01):
            try:
                await anyio.sleep_forever()
            finally:
                for _ in range(20):
                    with suppress(asyncio.CancelledError):
                        await asyncio.sleep(0)
        await asyncio.sleep(0.01)
        return Reply("tidy")


@pytest.mark.parametrize("kind", [Closing, ClosingLater])
async def test_a_plugin_that_raises_generator_exit_has_failed(kind: type[Plugin]) -> None:
    with pytest.raises(HookFailed, match="the plugin raised GeneratorExit"):
        await handle(hooks_of(kind))


async def test_a_task_that_is_closed_closes_the_plugin() -> None:
    call = handle(hooks_of(Waiting))
    call.send(None)
    call.close()
    assert isinstance(Waiting.closed, GeneratorExit)


async def test_a_plugin_that_ignores_a_cancellation_from_outside_is_left_behind() -> None:
    began = time.monotonic()
    with anyio.move_on_after(0.05) as scope:
        await handle(hooks_of(Deaf, timeout=60))
    assert scope.cancelled_caught
    assert time.monotonic() - began < 5


async def test_what_a_plugin_holds_that_is_left_behind_is_let_go_of() -> None:
    with pytest.raises(HookFailed, match="left behind"):
        await handle(hooks_of(Holding, timeout=0.05, grace=0.05))
    assert not Holding.held


async def test_a_plugin_may_hear_of_its_own_cancellation_for_a_while() -> None:
    answered = await handle(hooks_of(Tidy, timeout=60))
    assert answered.value.replies == (Reply("tidy"),)
