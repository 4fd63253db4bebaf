"""Deadlines by plugin and by hook."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from pydantic import Field

from auzap.contract.hookspecs import hookimpl, hookspec
from auzap.contract.options import Duration, Options
from auzap.contract.plugin import Plugin
from auzap.hooks.register import StrictManager
from auzap.model.errors import HookFailed, PluginError
from auzap.model.reply import Reply
from tests.support.hook_plugins import a_turn, hooks_of, instance_of


class Slow(Plugin):
    @hookimpl
    async def handle_message(self) -> Reply:
        await asyncio.sleep(3600)
        return Reply("never")

    @hookimpl
    async def review_replies(self) -> None:
        await asyncio.sleep(0.1)

    @hookimpl
    async def persist(self) -> None: ...


def timeouts_of(**options: Any) -> dict[str, float]:
    manager = StrictManager()
    manager.add(instance_of(Slow, **options), None)
    hooks = ("handle_message", "review_replies", "persist")
    return {hook: manager.implementations(hook, "abc123", 60.0)[0].timeout for hook in hooks}


def test_a_hooks_own_deadline_goes_before_the_plugins_and_that_before_the_workers() -> None:
    assert timeouts_of() == {"handle_message": 60, "review_replies": 60, "persist": 5}
    assert timeouts_of(timeout=10) == {"handle_message": 10, "review_replies": 10, "persist": 5}
    assert timeouts_of(timeout=10, timeouts={"handle_message": "20s"})["handle_message"] == 20
    assert timeouts_of(timeouts={"handle_message": "1s"})["review_replies"] == 60


def test_a_transaction_is_short_whatever_the_options_say() -> None:
    assert timeouts_of(timeouts={"persist": "1m"})["persist"] == 5
    assert timeouts_of(timeouts={"persist": "1s"})["persist"] == 1


async def test_the_deadline_of_the_hook_is_kept_and_told() -> None:
    turn = a_turn()
    hooks = hooks_of(instance_of(Slow, timeouts={"handle_message": "50ms"}))

    with pytest.raises(HookFailed, match=r"handle_message: no answer within 0\.05 s"):
        await hooks.handle_message(turn.messages[0], turn.sender, turn)
    assert await hooks.review_replies([], turn) == ()


def test_an_unknown_hook_is_a_mistake_told_in_one_line() -> None:
    with pytest.raises(PluginError) as caught:
        hooks_of(instance_of(Slow, timeouts={"handle_mesage": "1s"}))

    (line,) = str(caught.value).splitlines()
    assert line.startswith("plugin slow of auzap-tested, ")
    assert "its option timeouts names handle_mesage, which is no hook (is handle_message meant?); there are " in line
    assert "normalize_message, classify_sender, handle_message" in line


def test_defaults_of_a_plugin_are_looked_at_too() -> None:
    class Wrong(Plugin):
        class Options(Options):
            timeouts: Mapping[str, Duration] = Field(default={"answer": 3.0})

    with pytest.raises(PluginError, match="timeouts names answer, which is no hook"):
        hooks_of(Wrong)


def test_a_hook_of_another_plugin_may_be_named_whether_that_is_there_or_not() -> None:
    class Specs:
        @hookspec
        async def offers(self) -> str | None: ...

    class Shop(Plugin):
        hookspecs = Specs

    class Offering(Plugin):
        @hookimpl(optionalhook=True)
        async def offers(self) -> str:
            return "a"

    offering = instance_of(Offering, timeouts={"offers": "1s"})
    hooks_of(offering)
    hooks_of(Shop, instance_of(Offering, timeouts={"offers": "1s"}))
    hooks_of(Shop, instance_of(Slow, timeouts={"offers": "1s"}))
