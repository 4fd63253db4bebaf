"""What the calls of a turn came to is kept for its trace."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence

import pytest

from auzap.contract.hookspecs import hookimpl, hookspec
from auzap.contract.plugin import Plugin
from auzap.hooks.steps import KEPT, MOST_STEPS, Step
from auzap.model.errors import HookFailed, StoreUnavailable
from auzap.model.reply import Reply
from tests.support.hook_plugins import NoStore, a_message, a_turn, hooks_of


@pytest.fixture
def steps() -> Iterator[list[Step]]:
    kept: list[Step] = []
    KEPT.set(kept)
    yield kept
    KEPT.set(None)


def said(steps: Sequence[Step]) -> list[tuple[str, str, str]]:
    return [(hook, plugin, said) for hook, plugin, _, _, said, _ in steps]


class Passing(Plugin):
    @hookimpl
    async def handle_message(self) -> None: ...

    @hookimpl
    async def classify_sender(self) -> None: ...


class Slow(Plugin):
    @hookimpl
    async def handle_message(self) -> Reply:
        await asyncio.sleep(0.02)
        return Reply("a")


class Raising(Plugin):
    @hookimpl
    async def handle_message(self) -> Reply:
        raise ValueError("meu CPF é 000.000.000-00")


async def test_who_passed_who_answered_and_how_long_it_took(steps: list[Step]) -> None:
    turn = a_turn()
    hooks = hooks_of(Passing, Slow, Raising)
    await hooks.classify_sender(a_message(), NoStore(), "main")
    await hooks.handle_message(turn.messages[0], turn.sender, turn)

    assert said(steps) == [
        ("classify_sender", "passing", "passed"),
        ("handle_message", "passing", "passed"),
        ("handle_message", "slow", "answered"),
    ]
    _, _, began, ended, _, error = steps[2]
    assert 0.015 < ended - began < 5
    assert error is None


async def test_a_failure_is_kept_without_the_text_of_the_error(steps: list[Step]) -> None:
    turn = a_turn()
    with pytest.raises(HookFailed, match="CPF"):
        await hooks_of(Raising).handle_message(turn.messages[0], turn.sender, turn)

    assert said(steps) == [("handle_message", "raising", "failed")]
    error = steps[0][5]
    assert error is not None
    assert error.startswith("raised ValueError (hooks/test_hooks_steps.py:")
    assert "CPF" not in error


async def test_neither_is_the_text_of_a_group(steps: list[Step]) -> None:
    class Grouping(Plugin):
        @hookimpl
        async def handle_message(self) -> Reply:
            raise ExceptionGroup("segredo", [KeyError("segredo")])

    turn = a_turn()
    with pytest.raises(HookFailed):
        await hooks_of(Grouping).handle_message(turn.messages[0], turn.sender, turn)
    error = steps[0][5]
    assert error is not None
    assert error.startswith("raised ExceptionGroup; the first: KeyError (")


async def test_what_was_only_away_is_not_kept(steps: list[Step]) -> None:
    class Reading(Plugin):
        @hookimpl
        async def handle_message(self) -> Reply:
            raise StoreUnavailable("away")

    turn = a_turn()
    with pytest.raises(HookFailed):
        await hooks_of(Reading).handle_message(turn.messages[0], turn.sender, turn)
    assert steps == []


async def test_who_was_asked_by_a_plugin_is_kept_with_whose_failure_it_was(steps: list[Step]) -> None:
    class Specs:
        @hookspec
        async def offers(self) -> str | None: ...

    class Shop(Plugin):
        hookspecs = Specs

        @hookimpl
        async def handle_message(self) -> Reply:
            async with asyncio.TaskGroup() as group:  # tasks of the plugin's own belong to the turn too
                group.create_task(self.hooks.all("offers"))
            return Reply("a")

    class Offering(Plugin):
        @hookimpl(optionalhook=True)
        async def offers(self) -> str:
            return "a"

    class Broken(Plugin):
        @hookimpl(optionalhook=True)
        async def offers(self) -> str:
            raise ValueError("x")

    class Asking(Shop):
        @hookimpl
        async def handle_message(self) -> Reply:
            await self.hooks.all("offers")
            return Reply("a")

    turn = a_turn()
    await hooks_of(Shop, Offering).handle_message(turn.messages[0], turn.sender, turn)
    assert said(steps) == [("offers", "offering", "answered"), ("handle_message", "shop", "answered")]
    steps.clear()
    with pytest.raises(HookFailed):
        await hooks_of(Asking, Broken).handle_message(turn.messages[0], turn.sender, turn)
    inner, outer = steps
    assert str(outer[5]) == f"plugin broken: offers: {inner[5]}"


async def test_they_are_bounded(steps: list[Step]) -> None:
    hooks = hooks_of(Passing)
    for _ in range(MOST_STEPS + 10):
        await hooks.classify_sender(a_message(), NoStore(), "main")
    assert len(steps) == MOST_STEPS
