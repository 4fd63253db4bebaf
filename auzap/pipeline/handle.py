"""Handle: ask the plugins what to answer."""

from __future__ import annotations

from dataclasses import dataclass, replace

from auzap.hooks import TenantHooks
from auzap.model.message import Message
from auzap.model.reply import Outcome
from auzap.model.turn import Turn

__all__ = ["Decided", "handle", "sum_of"]


@dataclass(frozen=True, slots=True)
class Decided:
    """What was decided about a turn, and by whom; nobody: ``plugin`` is None."""

    plugin: str | None
    outcome: Outcome


async def handle(hooks: TenantHooks, turn: Turn) -> Decided:
    """The first plugin that answers, its replies reviewed by all.

    :raises HookFailed: a plugin failed.
    """
    answered = await hooks.handle_message(sum_of(turn.messages), turn.sender, turn)
    if answered is None:
        return Decided(None, Outcome())
    outcome = answered.value
    if outcome.replies:
        outcome = replace(outcome, replies=await hooks.review_replies(outcome.replies, turn))
    return Decided(answered.plugin, outcome)


def sum_of(messages: tuple[Message, ...]) -> Message:
    """A burst as one message: the last one, with the texts of all, a line each."""
    if len(messages) == 1:
        return messages[0]
    return replace(messages[-1], text="\n".join(message.text for message in messages if message.text))
