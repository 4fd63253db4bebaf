"""Every call has a deadline, and a cancellation from outside passes."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import Any

import anyio
import pytest

from auzap.contract.hookspecs import hookimpl
from auzap.contract.plugin import Plugin
from auzap.hooks import TenantHooks
from auzap.model.errors import HookFailed
from auzap.model.reply import Reply
from tests.support.hook_plugins import a_turn, hooks_of, instance_of


class Hanging(Plugin):
    @hookimpl
    async def handle_message(self) -> None:
        await anyio.sleep_forever()


class Swallowing(Plugin):
    """Takes the cancellation for an answer."""

    @hookimpl
    async def handle_message(self) -> Reply:
        with suppress(asyncio.CancelledError):
            await anyio.sleep_forever()
        return Reply("late")


class Converting(Plugin):
    """Makes an error of its own of it."""

    @hookimpl
    async def handle_message(self) -> None:
        try:
            await anyio.sleep_forever()
        except BaseException as error:
            raise RuntimeError("interrupted") from error


class Undying(Plugin):
    """Swallows every cancellation."""

    closed = False

    @hookimpl
    async def handle_message(self) -> None:
        try:
            while True:
                with suppress(asyncio.CancelledError):
                    await asyncio.sleep(3600)
        finally:
            Undying.closed = True


async def handle(hooks: TenantHooks) -> object:
    turn = a_turn()
    return await hooks.handle_message(turn.messages[0], turn.sender, turn)


# ------------------------------------------------------------------ the deadline


async def test_a_plugin_that_hangs_fails_at_its_deadline() -> None:
    with pytest.raises(HookFailed) as caught:
        await handle(hooks_of(Hanging, timeout=0.05))

    assert caught.value.reason == "no answer within 0.05 s"
    assert caught.value.__cause__ is None


async def test_a_plugins_own_timeout_goes_before_the_default() -> None:
    with pytest.raises(HookFailed, match=r"no answer within 0\.05 s"):
        await handle(hooks_of(instance_of(Hanging, timeout="50ms"), timeout=60))


async def test_each_plugin_has_a_deadline_of_its_own() -> None:
    class Slow(Plugin):
        @hookimpl
        async def handle_message(self) -> None:
            await anyio.sleep(0.06)

    assert await handle(hooks_of(instance_of(Slow, "one"), instance_of(Slow, "two"), timeout=0.1)) is None


async def test_a_swallowed_deadline_is_no_success() -> None:
    with pytest.raises(HookFailed, match=r"no answer within 0\.05 s"):
        await handle(hooks_of(Swallowing, timeout=0.05))


async def test_a_converted_deadline_is_still_the_deadline() -> None:
    with pytest.raises(HookFailed, match=r"no answer within 0\.05 s") as caught:
        await handle(hooks_of(Converting, timeout=0.05))

    assert str(caught.value.__cause__) == "interrupted"


async def test_a_plugin_may_clean_up_after_its_deadline() -> None:
    cleaned = []

    class Tidy(Plugin):
        @hookimpl
        async def handle_message(self) -> None:
            try:
                await anyio.sleep_forever()
            finally:
                await asyncio.sleep(0.01)
                cleaned.append(True)

    with pytest.raises(HookFailed):
        await handle(hooks_of(Tidy, timeout=0.05, grace=1.0))

    assert cleaned == [True]


async def test_a_plugin_that_does_not_end_when_cancelled_is_left_behind() -> None:
    hooks = hooks_of(Undying, timeout=0.05, grace=0.05)

    with pytest.raises(HookFailed) as caught, anyio.fail_after(3):
        await handle(hooks)

    assert caught.value.reason == "no answer within 0.05 s; it does not end when it is cancelled, and was left behind"
    assert Undying.closed


async def test_nothing_of_a_deadline_stays_with_the_task() -> None:
    for kind in (Hanging, Swallowing, Converting, Undying):
        with pytest.raises(HookFailed):
            await handle(hooks_of(kind, timeout=0.02, grace=0.02))
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0
        await asyncio.sleep(0.05)


async def test_a_plugin_that_never_waits_needs_no_clock() -> None:
    class Busy(Plugin):
        @hookimpl
        async def handle_message(self) -> Reply:
            time.sleep(0.05)  # noqa: ASYNC251 - blocks on purpose
            return Reply("ready")

    assert await handle(hooks_of(Busy, timeout=0.01)) is not None


async def test_time_limits_inside_a_plugin_work() -> None:
    class Careful(Plugin):
        @hookimpl
        async def handle_message(self) -> Reply:
            said = []
            with anyio.move_on_after(0.01):
                await anyio.sleep_forever()
            said.append("a")
            try:
                async with asyncio.timeout(0.01):
                    await anyio.sleep_forever()
            except TimeoutError:
                said.append("b")
            with suppress(TimeoutError):
                await asyncio.wait_for(asyncio.sleep(3600), 0.01)
            async with anyio.create_task_group() as group:
                group.start_soon(anyio.sleep_forever)
                await anyio.sleep(0.01)
                group.cancel_scope.cancel()
            said.append("c")
            return Reply("".join(said))

    answered = await handle(hooks_of(Careful))

    assert "abc" in str(answered)


async def test_the_deadline_ends_what_a_plugin_shields_from_cancellation_with_anyio() -> None:
    class Shielding(Plugin):
        @hookimpl
        async def handle_message(self) -> None:
            with anyio.CancelScope(shield=True):
                await anyio.sleep_forever()

    with pytest.raises(HookFailed, match=r"no answer within 0\.05 s"):
        await handle(hooks_of(Shielding, timeout=0.05))


async def test_the_deadline_ends_a_plugins_task_group() -> None:
    class Grouping(Plugin):
        @hookimpl
        async def handle_message(self) -> None:
            async with anyio.create_task_group() as group:
                group.start_soon(anyio.sleep_forever)

    with pytest.raises(HookFailed, match=r"no answer within 0\.05 s"):
        await handle(hooks_of(Grouping, timeout=0.05))


# ------------------------------------------------------------------ cancellation

KINDS = [Hanging, Swallowing, Converting]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_scope_from_outside_ends_the_call_and_nothing_is_told_of_a_failure(kind: type[Plugin]) -> None:
    with anyio.move_on_after(0.05) as scope:
        await handle(hooks_of(kind))
        pytest.fail("the call went on")

    assert scope.cancelled_caught


@pytest.mark.parametrize("kind", KINDS)
async def test_a_task_group_from_outside_ends_the_call(kind: type[Plugin]) -> None:
    ended: list[str] = []

    async def call() -> None:
        try:
            await handle(hooks_of(kind))
        except BaseException as error:
            ended.append(type(error).__name__)
            raise

    async with anyio.create_task_group() as group:
        group.start_soon(call)
        await anyio.sleep(0.05)
        group.cancel_scope.cancel()

    assert ended == ["CancelledError"]


@pytest.mark.parametrize("kind", [Hanging, Converting])
async def test_a_task_that_is_cancelled_ends_the_call(kind: type[Plugin]) -> None:
    task = asyncio.create_task(handle(hooks_of(kind)))
    await asyncio.sleep(0.05)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("kind", KINDS)
async def test_a_cancellation_from_outside_goes_before_a_deadline_that_has_passed(kind: type[Plugin]) -> None:
    class Lingering(kind):  # type: ignore[misc, valid-type]
        @hookimpl
        async def handle_message(self) -> Any:
            try:
                return await super().handle_message()
            finally:
                await asyncio.sleep(0.1)

    with anyio.move_on_after(0.06) as scope:
        await handle(hooks_of(Lingering, timeout=0.03, grace=0.5))
        pytest.fail("the call went on")

    assert scope.cancelled_caught


async def test_the_deadline_also_holds_where_the_caller_is_shielded_from_a_cancellation() -> None:
    told: list[str] = []
    with anyio.CancelScope() as scope:
        scope.cancel()
        with anyio.CancelScope(shield=True):
            for kind in (Hanging, Swallowing):
                try:
                    await handle(hooks_of(kind, timeout=0.05))
                except HookFailed as failure:
                    told.append(failure.reason)

    assert told == ["no answer within 0.05 s"] * 2


async def test_a_task_group_that_failed_in_a_plugin_is_not_taken_for_a_cancellation() -> None:
    """Before Python 3.13 such a group leaves a request to cancel its task standing."""

    class Grouping(Plugin):
        @hookimpl
        async def handle_message(self) -> Reply:
            with suppress(ExceptionGroup):
                async with asyncio.TaskGroup() as group:
                    group.create_task(self.fail())
            await asyncio.sleep(0.01)
            return Reply("after all")

        async def fail(self) -> None:
            raise ValueError

    class ThenHanging(Grouping):
        @hookimpl
        async def handle_message(self) -> Any:
            await super().handle_message()
            await anyio.sleep_forever()

    assert await handle(hooks_of(Grouping)) is not None
    with pytest.raises(HookFailed, match=r"no answer within 0\.05 s"):
        await handle(hooks_of(ThenHanging, timeout=0.05))
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_a_cancellation_that_nobody_asked_for_is_the_plugins_failure() -> None:
    class Confused(Plugin):
        @hookimpl
        async def handle_message(self) -> None:
            task = asyncio.create_task(asyncio.sleep(3600))
            asyncio.get_running_loop().call_soon(task.cancel)
            await task

    class Raising(Plugin):
        @hookimpl
        async def handle_message(self) -> None:
            raise asyncio.CancelledError

    for kind in (Confused, Raising):
        with pytest.raises(HookFailed, match="raised CancelledError, but nobody cancelled it"):
            await handle(hooks_of(kind))


async def test_a_call_that_is_dropped_closes_the_plugin() -> None:
    closed = []

    class Closing(Plugin):
        @hookimpl
        async def handle_message(self) -> None:
            try:
                await anyio.sleep_forever()
            finally:
                closed.append(True)

    call = handle(hooks_of(Closing))
    call.send(None)
    call.close()

    assert closed == [True]
