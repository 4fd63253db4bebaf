"""A plugin that keeps failing is left alone for a while."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Iterator
from typing import Any

import pytest

from auzap.contract.hookspecs import hookimpl
from auzap.contract.plugin import Plugin
from auzap.hooks import Paused, TenantHooks
from auzap.logs import configure
from auzap.model.errors import HookFailed, PluginPaused, Refused, StoreUnavailable
from auzap.model.event import Event
from auzap.model.people import Sender
from auzap.model.reply import Receipt, Reply
from tests.support.hook_plugins import NoStore, a_delivery, a_message, a_turn, hooks_of, instance_of

BREAKER = {"failures": 3, "pause": "30s"}


class Clock:
    def __init__(self) -> None:
        self.time = 1_000.0

    def __call__(self) -> float:
        return self.time


class Crm(Plugin):
    """Does what it is told to, by hook."""

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self.fails: dict[str, BaseException | Any] = {}
        self.asked: list[str] = []

    async def _do(self, hook: str) -> Any:
        self.asked.append(hook)
        what = self.fails.get(hook)
        if isinstance(what, BaseException):
            raise what
        return await what() if callable(what) else what

    @hookimpl
    async def classify_sender(self) -> Sender | None:
        await self._do("classify_sender")
        return None

    @hookimpl
    async def handle_message(self) -> Reply | Any:
        return await self._do("handle_message") or Reply("a")

    @hookimpl
    async def review_replies(self) -> None:
        await self._do("review_replies")

    @hookimpl
    async def send_reply(self) -> Receipt | None:
        await self._do("send_reply")
        return None

    @hookimpl
    async def handle_event(self) -> None:
        await self._do("handle_event")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def crm() -> Crm:
    plugin = instance_of(Crm, breaker=BREAKER)
    assert isinstance(plugin, Crm)
    return plugin


@pytest.fixture
def hooks(crm: Crm, clock: Clock) -> TenantHooks:
    return hooks_of(crm, now=clock)


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    configure(json=True, stream=stream)
    yield stream
    configure()


async def handle(hooks: TenantHooks) -> Any:
    turn = a_turn()
    return await hooks.handle_message(turn.messages[0], turn.sender, turn)


async def classify(hooks: TenantHooks) -> Any:
    return await hooks.classify_sender(a_message(), NoStore(), "main")


async def fail(hooks: TenantHooks, times: int) -> None:
    for _ in range(times):
        with pytest.raises(HookFailed) as caught:
            await handle(hooks)
        assert not isinstance(caught.value, PluginPaused), "it uses its attempt"


async def refused(hooks: TenantHooks) -> PluginPaused:
    with pytest.raises(PluginPaused) as caught:
        await handle(hooks)
    return caught.value


async def test_it_is_not_called_after_so_many_failures_in_a_row(hooks: TenantHooks, crm: Crm, clock: Clock) -> None:
    crm.fails["handle_message"] = ValueError("away")
    await fail(hooks, 3)
    clock.time += 29

    error = await refused(hooks)

    assert crm.asked == ["handle_message"] * 3
    assert (error.plugin, error.hook, error.since, error.until) == ("crm", "handle_message", 1_000, 1_030)
    assert error.reason == "failed 3 times in a row; the plugin is not called until 00:17:10 UTC"
    assert hooks.paused() == [Paused("crm", "handle_message", 3, 1_000, 1_030)]


async def test_none_of_its_hooks_is(hooks: TenantHooks, crm: Crm) -> None:
    crm.fails["handle_message"] = ValueError("away")
    await fail(hooks, 3)

    with pytest.raises(PluginPaused):
        await classify(hooks)
    assert await hooks.handle_event(Event(kind="receipt", chat_id="x"), "main", NoStore()) == [], "it is skipped"
    assert set(crm.asked) == {"handle_message"}


async def test_then_one_call_tries_again_and_all_is_well(hooks: TenantHooks, crm: Crm, clock: Clock) -> None:
    crm.fails["handle_message"] = ValueError("away")
    await fail(hooks, 3)
    clock.time += 30
    crm.fails.clear()

    assert await handle(hooks)
    assert hooks.paused() == []
    crm.fails["handle_message"] = ValueError("away")
    await fail(hooks, 3)
    await refused(hooks)


async def test_or_it_is_left_alone_again_at_once(hooks: TenantHooks, crm: Crm, clock: Clock) -> None:
    crm.fails["handle_message"] = ValueError("away")
    await fail(hooks, 3)
    clock.time += 31
    await fail(hooks, 1)

    error = await refused(hooks)

    assert (error.since, error.until) == (1_000, 1_061)
    assert hooks.paused()[0].failures == 4


async def test_while_one_tries_the_others_wait(hooks: TenantHooks, crm: Crm, clock: Clock) -> None:
    crm.fails["handle_message"] = ValueError("away")
    await fail(hooks, 3)
    clock.time += 30
    going_on = asyncio.Event()
    crm.fails["handle_message"] = going_on.wait
    trying = asyncio.create_task(handle(hooks))
    await asyncio.sleep(0)

    assert (await refused(hooks)).until == 1_031
    clock.time += 8
    assert (await refused(hooks)).until == 1_046, "the longer it takes, the less often it is asked for"
    await classify(hooks)
    assert crm.asked.count("handle_message") == 4

    trying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await trying
    crm.fails.clear()
    assert await handle(hooks), "whoever was cancelled did not keep its place"


async def test_a_success_of_another_hook_does_not_hide_the_failures(hooks: TenantHooks, crm: Crm) -> None:
    crm.fails["handle_message"] = ValueError("away")
    for _ in range(3):
        await classify(hooks)
        await fail(hooks, 1)
    await refused(hooks)


async def test_one_of_the_same_hook_does(hooks: TenantHooks, crm: Crm) -> None:
    for _ in range(3):
        crm.fails["handle_message"] = ValueError("away")
        await fail(hooks, 2)
        crm.fails.clear()
        await handle(hooks)
    assert hooks.paused() == []


@pytest.mark.parametrize("how", ["raises", "hangs", "nonsense"])
async def test_whatever_the_failure_is_it_counts(crm: Crm, how: str) -> None:
    hang = asyncio.Event().wait
    crm.fails["handle_message"] = {"raises": ValueError(), "hangs": hang, "nonsense": 42}[how]
    hooks = hooks_of(crm, timeout=0.01)
    await fail(hooks, 3)
    await refused(hooks)


async def test_what_is_not_its_failure_does_not_count(hooks: TenantHooks, crm: Crm) -> None:
    crm.fails["handle_message"] = StoreUnavailable("away")
    crm.fails["send_reply"] = Refused("no such number", final=True)
    for _ in range(4):
        with pytest.raises(HookFailed):
            await handle(hooks)
        with pytest.raises(HookFailed):
            await hooks.send_reply(Reply("a"), a_delivery())
    assert hooks.paused() == []


async def test_it_can_be_switched_off() -> None:
    crm = instance_of(Crm, breaker=None)
    assert isinstance(crm, Crm)
    crm.fails["handle_message"] = ValueError()
    hooks = hooks_of(crm)
    await fail(hooks, 10)
    assert hooks.paused() == []


async def test_nobody_is_asked_for_an_answer_that_could_not_be_reviewed(crm: Crm, clock: Clock) -> None:
    """Else the handler, and the model that it pays for, would be asked again and again."""
    asked = []

    class Handler(Plugin):
        @hookimpl
        async def handle_message(self) -> Reply:
            asked.append(1)
            return Reply("a")

    hooks, turn = hooks_of(Handler, crm, now=clock), a_turn()
    crm.fails["review_replies"] = ValueError("away")
    for _ in range(3):
        with pytest.raises(HookFailed):
            await hooks.review_replies([Reply("a")], turn)

    await refused(hooks)
    assert asked == []
    with pytest.raises(HookFailed, match="raised ValueError"):  # who has an answer already is let through
        await hooks.review_replies([Reply("a")], turn)
    clock.time += 31
    crm.fails.clear()
    assert await handle(hooks)
    assert await hooks.review_replies([Reply("a")], turn) == (Reply("a"),)
    assert hooks.paused() == []


async def test_each_plugin_and_each_tenant_has_its_own(clock: Clock) -> None:
    first, second = instance_of(Crm, "first", breaker=BREAKER), instance_of(Crm, "second", breaker=BREAKER)
    assert isinstance(first, Crm)
    first.fails["classify_sender"] = ValueError("away")
    hooks, others = hooks_of(first, tenant="one", now=clock), hooks_of(second, tenant="two", now=clock)
    for _ in range(3):
        with pytest.raises(HookFailed):
            await classify(hooks)
    assert len(hooks.paused()) == 1
    assert others.paused() == []
    await classify(others)


async def test_it_is_logged_once_when_it_begins_and_once_when_it_ends(
    hooks: TenantHooks, crm: Crm, clock: Clock, log: io.StringIO
) -> None:
    crm.fails["handle_message"] = ValueError("away")
    await fail(hooks, 3)
    for _ in range(3):
        await refused(hooks)
        clock.time += 31
        await fail(hooks, 1)
    clock.time += 31
    crm.fails.clear()
    await handle(hooks)
    await asyncio.sleep(0.01)  # the log of one round of the loop leaves at its end

    began, ended = map(json.loads, log.getvalue().splitlines())
    assert (began["event"], began["level"]) == ("Plugin paused", "error")
    assert (began["organization_id"], began["plugin"], began["hook"]) == ("abc123", "crm", "handle_message")
    assert (began["failures"], began["seconds"], began["times"]) == (3, 30, 1)
    assert (ended["event"], ended["plugin"], ended["seconds"]) == ("Plugin works again", "crm", 124)
    assert ended["refused"] > 0


async def test_whoever_does_not_need_it_does_not_wait_for_it(clock: Clock) -> None:
    class Owners(Plugin):
        @hookimpl
        async def handle_message(self) -> Reply:
            raise ValueError("away")

    class Clients(Plugin):
        @hookimpl
        async def handle_message(self) -> Reply:
            return Reply("b")

    hooks = hooks_of(instance_of(Owners, breaker=BREAKER, roles=["owner"]), Clients, now=clock)
    owner = a_turn(role="owner")
    for _ in range(3):
        with pytest.raises(HookFailed):
            await hooks.handle_message(owner.messages[0], owner.sender, owner)
    assert (await handle(hooks)).plugin == "clients"
