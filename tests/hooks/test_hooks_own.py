"""Hooks that a plugin specifies itself: others implement them, and it asks them."""

from __future__ import annotations

import asyncio
import types
from collections.abc import Sequence
from typing import Any

import pytest

from auzap.contract.hookspecs import hookimpl, hookspec
from auzap.contract.plugin import Plugin
from auzap.hooks import Call, Calls, TenantHooks
from auzap.model.errors import HookFailed, PluginError, PluginPaused
from auzap.model.message import Message
from auzap.model.reply import Reply
from tests.support.hook_plugins import a_turn, hooks_of, instance_of


class Specs:
    @hookspec
    async def offers(self, product: str, most: int) -> str | None:
        """What is there of a product."""

    @hookspec
    async def closed(self) -> bool | None: ...

    async def beside(self) -> None:
        """Not marked: no hook."""


class Shop(Plugin):
    hookspecs = Specs

    @hookimpl
    async def handle_message(self, message: Message) -> Reply:
        offers = await self.hooks.all("offers", product=message.text, most=3)
        return Reply(", ".join(offers) or "nada")


class Green(Plugin):
    @hookimpl(optionalhook=True)
    async def offers(self, most: int, product: str) -> str:
        return f"{most} {product} verdes"


class Nothing(Plugin):
    @hookimpl(optionalhook=True)
    async def offers(self) -> None: ...


class Red(Plugin):
    @hookimpl(specname="offers", optionalhook=True)
    async def of_mine(self, product: str) -> str:
        return f"{product} vermelhas"


async def say(hooks: TenantHooks, text: str = "maçãs") -> str:
    turn = a_turn(text=text)
    answered = await hooks.handle_message(turn.messages[0], turn.sender, turn)
    assert answered is not None
    return ", ".join(reply.text for reply in answered.value.replies)


# ------------------------------------------------------------------ asking


async def test_all_who_implement_it_are_asked_in_the_order_of_the_yaml() -> None:
    assert await say(hooks_of(Red, Nothing, Shop, Green)) == "maçãs vermelhas, 3 maçãs verdes"
    assert await say(hooks_of(Green, Shop, Red)) == "3 maçãs verdes, maçãs vermelhas"


async def test_the_first_that_answers_ends_it() -> None:
    class First(Shop):
        @hookimpl
        async def handle_message(self, message: Message) -> Reply:
            return Reply(repr(await self.hooks.first("offers", product="uvas", most=1)))

    assert await say(hooks_of(First, Nothing, Red, Green)) == "'uvas vermelhas'"
    assert await say(hooks_of(First, Nothing)) == "None"


async def test_nobody_need_be_there() -> None:
    assert await say(hooks_of(Shop)) == "nada"


async def test_it_works_without_the_plugin_that_specifies_it() -> None:
    class Other(Plugin):
        @hookimpl
        async def handle_message(self) -> Reply:
            return Reply("oi")

    assert await say(hooks_of(Green, Red, Other)) == "oi"


async def test_a_plugin_may_implement_its_own() -> None:
    class Itself(Shop):
        @hookimpl
        async def offers(self, product: str) -> str:
            return f"{product} da casa"

    assert await say(hooks_of(Itself, Green)) == "maçãs da casa, 3 maçãs verdes"


async def test_a_module_may_specify_and_two_of_a_kind_share() -> None:
    @hookspec
    async def offers(product: str, most: int) -> str | None: ...

    module = types.ModuleType("specs")
    module.offers = offers  # type: ignore[attr-defined]

    class Store(Shop):
        hookspecs = module  # type: ignore[assignment]

    hooks = hooks_of(instance_of(Store, "one", roles=["owner"]), instance_of(Store, "two"), Red)
    assert await say(hooks) == "maçãs vermelhas"


async def test_each_tenant_asks_its_own() -> None:
    one, two = hooks_of(Shop, Red), hooks_of(Shop, Green)
    assert await say(one) == "maçãs vermelhas"
    assert await say(two) == "3 maçãs verdes"


@pytest.mark.parametrize(
    ("hook", "arguments", "told"),
    [
        ("ofers", {}, "plugin shop specifies no hook ofers; it specifies closed, offers"),
        ("beside", {}, "plugin shop specifies no hook beside; it specifies closed, offers"),
        ("offers", {"product": "a"}, "plugin shop: offers is asked without most; it takes product, most"),
        (
            "offers",
            {"product": "a", "mots": 3},
            "plugin shop: offers is asked without most and with mots; it takes product, most",
        ),
        ("closed", {"day": 1}, "plugin shop: closed is asked with day; it takes nothing"),
    ],
)
async def test_a_question_that_nobody_can_be_asked_is_told(hook: str, arguments: dict[str, Any], told: str) -> None:
    shop = instance_of(Shop)
    hooks_of(shop, Red)
    for ask in (shop.hooks.all, shop.hooks.first):
        with pytest.raises(ValueError, match="^" + told.replace("(", r"\(") + "$"):
            await ask(hook, **arguments)


async def test_a_plugin_asks_only_what_it_specifies() -> None:
    red = instance_of(Red)
    hooks_of(Shop, red)
    with pytest.raises(ValueError, match="plugin red specifies no hook offers; it specifies none"):
        await red.hooks.all("offers", product="a", most=1)


async def test_there_is_nobody_to_ask_before_the_tenant_is_built() -> None:
    with pytest.raises(RuntimeError, match="nobody is there yet: ask in hooks, schedules and lifespan"):
        await instance_of(Shop).hooks.all("offers", product="a", most=1)


# ------------------------------------------------------------------ failing


class Raising(Plugin):
    @hookimpl(optionalhook=True)
    async def offers(self) -> str:
        raise ValueError("no stock")


async def test_the_failure_is_that_of_the_one_that_was_asked() -> None:
    with pytest.raises(HookFailed) as caught:
        await say(hooks_of(Shop, Raising))
    assert (caught.value.plugin, caught.value.hook) == ("raising", "offers")
    assert caught.value.reason.startswith("raised ValueError: no stock (hooks/test_hooks_own.py:")


async def test_whoever_asks_may_do_without() -> None:
    class Patient(Shop):
        @hookimpl
        async def handle_message(self, message: Message) -> Reply:
            try:
                await self.hooks.all("offers", product="a", most=1)
            except HookFailed as failure:
                return Reply(f"sem {failure.plugin}")
            return Reply("tudo")

    assert await say(hooks_of(Patient, Raising)) == "sem raising"


async def test_each_has_its_own_deadline() -> None:
    class Slow(Plugin):
        @hookimpl(optionalhook=True)
        async def offers(self) -> str:
            await asyncio.sleep(3600)
            return "never"

    class Twice(Shop):
        @hookimpl
        async def handle_message(self, message: Message) -> Reply:
            for _ in range(2):
                with pytest.raises(HookFailed, match=r"plugin slow: offers: no answer within 0\.02 s"):
                    await self.hooks.all("offers", product="a", most=1)
            await asyncio.sleep(0.01)
            return Reply("cansei")

    assert await say(hooks_of(Twice, instance_of(Slow, timeouts={"offers": "20ms"}))) == "cansei"
    hooks = hooks_of(instance_of(Shop, timeout="20ms"), Slow)
    with pytest.raises(HookFailed, match=r"plugin shop: handle_message: no answer within 0\.02 s"):
        await say(hooks)


async def test_a_cancellation_from_outside_passes_through_both() -> None:
    class Slow(Plugin):
        @hookimpl(optionalhook=True)
        async def offers(self) -> str:
            await asyncio.sleep(3600)
            return "never"

    calls = Calls()
    task = asyncio.create_task(say(hooks_of(Shop, Slow, calls=calls)))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert calls.current(task) is None


async def test_one_that_keeps_failing_is_left_alone_and_not_whoever_asks_it() -> None:
    hooks = hooks_of(Shop, instance_of(Raising, breaker={"failures": 2, "pause": "30s"}))
    for _ in range(2):
        with pytest.raises(HookFailed):
            await say(hooks)
    for _ in range(6):
        with pytest.raises(PluginPaused) as caught:
            await say(hooks)
        assert caught.value.plugin == "raising"
    assert [paused.plugin for paused in hooks.paused()] == ["raising"]


async def test_the_watchdog_sees_the_inner_call_and_then_the_outer_one_again() -> None:
    calls = Calls()
    seen: list[Call | None] = []

    def look() -> None:
        task = asyncio.current_task()
        assert task is not None
        seen.append(calls.current(task))

    class Looking(Plugin):
        @hookimpl(optionalhook=True)
        async def offers(self) -> None:
            look()

    class Asking(Shop):
        @hookimpl
        async def handle_message(self, message: Message) -> Reply:
            await self.hooks.all("offers", product="a", most=1)
            look()
            return Reply("a")

    await say(hooks_of(Asking, Looking, calls=calls))
    look()

    inner, outer, none = seen
    assert inner is not None
    assert outer is not None
    assert (inner.plugin, inner.hook) == ("looking", "offers")
    assert (outer.plugin, outer.hook) == ("asking", "handle_message")
    assert none is None


# ------------------------------------------------------------------ mistakes


def refused(*plugins: type[Plugin]) -> list[str]:
    with pytest.raises(PluginError) as caught:
        hooks_of(*plugins)
    return [line.partition(".py:")[2].partition(": ")[2] for line in str(caught.value).splitlines()]


def test_a_wrong_implementation_is_told_when_the_hook_is_there() -> None:
    class Wrong(Plugin):
        @hookimpl(optionalhook=True)
        async def offers(self, produkt: str) -> str:
            return ""

        @hookimpl(optionalhook=True)
        def closed(self) -> bool:
            return True

    hooks_of(Wrong)
    assert refused(Wrong, Shop) == [
        "offers has an unknown argument produkt (is product meant?); there are product, most",
        "closed must be written with async def; plain def is for classify_sender, handle_event, handle_message",
    ]


def test_one_that_is_not_optional_is_told() -> None:
    class Needing(Plugin):
        @hookimpl
        async def offers(self) -> str:
            return ""

    assert refused(Shop, Needing) == [
        (
            "offers implements a hook of plugin shop: mark it with @auzap.hookimpl(optionalhook=True), so that it may "
            "be there without that one"
        )
    ]
    assert refused(Needing)[0].startswith("offers implements no hook that there is")


def test_a_method_that_only_has_the_name_is_none_of_it() -> None:
    class Beside(Plugin):
        async def offers(self) -> str:
            raise AssertionError("nobody asks it")

    hooks_of(Shop, Beside)


def test_wrong_specifications_are_told() -> None:
    class Bad:
        @hookspec
        async def handle_message(self, message: Message) -> None: ...

        @hookspec
        def offers(self, product: str = "a", *more: str) -> None: ...

    class Empty: ...

    class Shopping(Plugin):
        hookspecs = Bad

    class Forgetful(Plugin):
        hookspecs = Empty

    class Odd(Plugin):
        hookspecs = ("offers",)

    assert refused(Shopping, Forgetful, Odd) == [
        "handle_message is a hook of the framework's; name it otherwise",
        "offers must be written with async def, as all that implement it",
        "offers has a default for product, which is always given; write it without the default",
        "offers has an argument more that is not plain; name each, without stars",
        "hookspecs has no function that is marked with @auzap.hookspec",
        "hookspecs is tuple; a class or a module is meant",
    ]


def test_two_plugins_do_not_specify_one_hook() -> None:
    class Other:
        @hookspec
        async def offers(self, replies: Sequence[Reply]) -> None: ...

    class Market(Plugin):
        hookspecs = Other

    (line,) = refused(Shop, Market)
    assert line.startswith("offers is specified by plugin shop already (")
    assert line.endswith("; name it otherwise")
