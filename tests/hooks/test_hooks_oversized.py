"""What is too much is refused, and said how much there may be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, overload

import pytest

from auzap.contract.hookspecs import hookimpl
from auzap.contract.plugin import Plugin
from auzap.hooks.check import MOST_RECORDS, MOST_REPLIES
from auzap.model.errors import HookFailed
from auzap.model.message import MAX_TEXT, Message
from auzap.model.people import Sender
from auzap.model.reply import Interaction, Outcome, Receipt, Reply
from auzap.tables import AiInteraction
from tests.support.hook_plugins import NoStore, a_delivery, a_message, a_turn, hooks_of


class Endless(Sequence[Reply]):
    """Of a plugin's own kind; nobody knows its end."""

    def __len__(self) -> int:
        return 1

    @overload
    def __getitem__(self, place: int) -> Reply: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Reply]: ...
    def __getitem__(self, place: int | slice) -> Any:
        return Reply("a")

    def __iter__(self) -> Iterator[Reply]:
        while True:
            yield Reply("a")


def answering(value: Any) -> type[Plugin]:
    class Answering(Plugin):
        @hookimpl
        async def handle_message(self) -> Any:
            return value

    return Answering


def records(number: int) -> list[AiInteraction]:
    return [AiInteraction() for _ in range(number)]


def interaction(**texts: str) -> Outcome:
    return Outcome(interaction=Interaction(**{"prompt": "", "response": "", **texts}))  # type: ignore[arg-type]


LONG = "a" * 1_001


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ([Reply("a")] * 21, "returned more than 20 replies"),
        (Endless(), "returned more than 20 replies"),
        (Outcome([Reply("a")] * 21), "returned more than 20 replies"),
        (Outcome(records=records(201)), "returned more than 200 records"),
        (Reply("a" * (MAX_TEXT + 1)), "Reply.text has 65,537 characters; 65,536 are the most"),
        (interaction(prompt="a" * 262_145), "Interaction.prompt has 262,145 characters; 262,144 are the most"),
        (interaction(response="a" * 262_145), "Interaction.response has 262,145 characters; 262,144 are the most"),
        (interaction(intent=LONG), "Interaction.intent has 1,001 characters; 1,000 are the most"),
    ],
)
async def test_too_much_of_an_answer_is_refused(value: Any, reason: str) -> None:
    turn = a_turn()
    with pytest.raises(HookFailed) as caught:
        await hooks_of(answering(value)).handle_message(turn.messages[0], turn.sender, turn)
    assert caught.value.reason == reason


async def test_as_much_as_there_may_be_is_taken() -> None:
    turn = a_turn()
    value = Outcome(
        [Reply("a" * MAX_TEXT)] * MOST_REPLIES,
        records=records(MOST_RECORDS),
        interaction=Interaction(prompt="a" * 262_144, response=""),
    )
    answered = await hooks_of(answering(value)).handle_message(turn.messages[0], turn.sender, turn)
    assert answered is not None
    assert (len(answered.value.replies), len(answered.value.records)) == (20, 200)


async def test_a_reviewer_may_not_add_without_end() -> None:
    class Adding(Plugin):
        @hookimpl
        async def review_replies(self, replies: Sequence[Reply]) -> list[Reply]:
            return [*replies, Reply("e mais")]

    hooks, turn = hooks_of(Adding), a_turn()
    assert len(await hooks.review_replies([Reply("a")] * 19, turn)) == 20
    with pytest.raises(HookFailed, match="returned more than 20 replies"):
        await hooks.review_replies([Reply("a")] * 20, turn)


async def test_names_and_ids_have_an_end() -> None:
    class Naming(Plugin):
        @hookimpl
        async def normalize_message(self) -> Message:
            return Message(kind="text", event="message", text="", chat_id=LONG, chat_kind="direct", message_id="1")

        @hookimpl
        async def classify_sender(self) -> Sender:
            return Sender(role=LONG)

        @hookimpl
        async def send_reply(self) -> Receipt:
            return Receipt(LONG)

    hooks = hooks_of(Naming)
    with pytest.raises(HookFailed, match=r"Message.chat_id has 1,001 characters; 1,000 are the most"):
        await hooks.normalize_message({}, "main")
    with pytest.raises(HookFailed, match=r"Sender.role has 1,001 characters"):
        await hooks.classify_sender(a_message(), NoStore(), "main")
    with pytest.raises(HookFailed, match=r"Receipt.message_id has 1,001 characters"):
        await hooks.send_reply(Reply("a"), a_delivery())
