"""``state``: each plugin gets its own, and only if it asks for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from auzap.contract.hookspecs import hookimpl
from auzap.contract.plugin import Plugin
from auzap.hooks import TenantHooks
from auzap.model.message import Message
from auzap.model.people import Sender
from auzap.model.reply import Reply
from auzap.model.turn import Chat, State, Turn
from auzap.services.clock import utc_now
from auzap.services.state import ChatState
from tests.support.hook_plugins import CHAT, TENANT, a_turn, hooks_of, instance_of


class States:
    """Of one turn; says whose were asked for."""

    def __init__(self) -> None:
        self.asked_for: list[str] = []
        self._states: dict[str, ChatState] = {}

    def of(self, plugin: str) -> ChatState:
        self.asked_for.append(plugin)
        # what is stored is not looked at here
        made = ChatState(None, TENANT.id, Chat("main", CHAT), plugin, tell=utc_now)  # type: ignore[arg-type]
        return self._states.setdefault(plugin, made)

    @property
    def changes(self) -> list[str]:
        return [change.plugin for state in self._states.values() for change in state.changes.values()]


async def answer(hooks: TenantHooks, states: States) -> tuple[Reply, ...]:
    turn = replace(a_turn(), states=states.of)
    answered = await hooks.handle_message(turn.messages[0], turn.sender, turn)
    assert answered is not None
    return await hooks.review_replies(answered.value.replies, turn)


async def test_each_plugin_gets_its_own_state() -> None:
    class Remembering(Plugin):
        @hookimpl
        async def handle_message(self, message: Message, sender: Sender, turn: Turn, state: State) -> Reply | None:
            assert (message, sender) == (turn.messages[0], turn.sender)
            state.set("step", self.name)
            return Reply("a") if self.name == "second" else None

        @hookimpl
        async def review_replies(self, state: State, replies: Sequence[Reply]) -> list[Reply]:
            return [Reply(f"{reply.text} {await state.get('step')}") for reply in replies]

    states = States()
    hooks = hooks_of(instance_of(Remembering, "first"), instance_of(Remembering, "second"))

    assert await answer(hooks, states) == (Reply("a first second"),)
    assert states.asked_for == ["first", "second", "first", "second"]
    assert states.changes == ["first", "second"]


async def test_no_state_is_made_for_who_does_not_ask_for_it() -> None:
    class Plain(Plugin):
        @hookimpl
        async def handle_message(self, turn: Turn) -> Reply:
            return Reply(turn.messages[0].text)

    states = States()
    assert await answer(hooks_of(Plain), states) == (Reply("oi"),)
    assert states.asked_for == []


async def test_a_plain_function_may_set_it_too() -> None:
    class Threaded(Plugin):
        @hookimpl
        def handle_message(self, state: State) -> Reply:
            state.set("asked", True)
            return Reply("a")

    states = States()
    assert await answer(hooks_of(Threaded), states) == (Reply("a"),)
    assert states.changes == ["threaded"]
