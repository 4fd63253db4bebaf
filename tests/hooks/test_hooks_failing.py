"""A plugin that raises or returns nonsense: what is told of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlmodel import SQLModel

from auzap.contract.hookspecs import hookimpl
from auzap.contract.plugin import Plugin
from auzap.hooks import TenantHooks
from auzap.model.errors import HookFailed, StoreUnavailable, Unavailable, cause_of
from auzap.model.event import Event
from auzap.model.message import Message
from auzap.model.people import Sender
from auzap.model.reply import Interaction, Outcome, Receipt, Reply
from auzap.tables import AiInteraction
from tests.support.hook_plugins import CHAT, NoStore, a_delivery, a_message, a_turn, hooks_of


async def handle(hooks: TenantHooks) -> None:
    turn = a_turn()
    await hooks.handle_message(turn.messages[0], turn.sender, turn)


async def failure_of(hooks: TenantHooks) -> HookFailed:
    with pytest.raises(HookFailed) as caught:
        await handle(hooks)
    return caught.value


def raising(error: BaseException) -> type[Plugin]:
    class Raising(Plugin):
        @hookimpl
        async def handle_message(self) -> Reply:
            raise error

    return Raising


# ------------------------------------------------------------------ raising


async def test_what_a_plugin_raises_is_told_with_plugin_hook_and_line() -> None:
    error = ValueError("no price")

    failure = await failure_of(hooks_of(raising(error)))

    assert failure.__cause__ is error
    assert (failure.plugin, failure.hook) == ("raising", "handle_message")
    assert failure.reason.startswith("raised ValueError: no price (hooks/test_hooks_failing.py:")


class OfItsOwn(BaseException):
    pass


@pytest.mark.parametrize(
    "error", [SystemExit(3), KeyboardInterrupt(), OfItsOwn("x"), BaseExceptionGroup("several", [SystemExit(1)])]
)
async def test_what_would_end_the_process_costs_only_the_attempt(error: BaseException) -> None:
    failure = await failure_of(hooks_of(raising(error)))

    assert failure.__cause__ is error
    assert type(error).__name__ in failure.reason


async def test_the_plugins_after_a_failing_one_are_not_asked() -> None:
    asked = []

    class Second(Plugin):
        @hookimpl
        async def handle_message(self) -> None:
            asked.append(self.name)

    await failure_of(hooks_of(raising(ValueError()), Second))

    assert asked == []


async def test_a_group_tells_its_first_error() -> None:
    class Grouping(Plugin):
        @hookimpl
        async def handle_message(self) -> None:
            async with asyncio.TaskGroup() as group:
                group.create_task(self.fail())

        async def fail(self) -> None:
            raise ValueError("inside")

    failure = await failure_of(hooks_of(Grouping))

    assert "ExceptionGroup" in failure.reason
    assert "the first: ValueError: inside" in failure.reason


async def test_a_timeout_of_the_plugins_own_is_not_the_deadline() -> None:
    class Hasty(Plugin):
        @hookimpl
        async def handle_message(self) -> None:
            async with asyncio.timeout(0.01):
                await asyncio.sleep(5)

    failure = await failure_of(hooks_of(Hasty))

    assert "raised TimeoutError (its own, not the deadline of 5 s)" in failure.reason


async def test_the_reason_is_one_storable_line_whatever_the_error_says() -> None:
    failure = await failure_of(hooks_of(raising(ValueError("a\nb\0c\ud800" + "x" * 10_000))))

    assert failure.reason.startswith("raised ValueError: a b\\x00c\\ud800xx")
    assert len(failure.reason) < 1_000
    failure.reason.encode()


async def test_an_error_that_cannot_tell_itself_is_told() -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    assert "raised Mute: its text raises RuntimeError" in (await failure_of(hooks_of(raising(Mute())))).reason


async def test_a_store_that_is_away_is_found_behind_the_failure() -> None:
    class Wrapping(Plugin):
        @hookimpl
        async def handle_message(self) -> None:
            async with asyncio.TaskGroup() as group:
                group.create_task(self.read())

        async def read(self) -> None:
            try:
                raise away
            except StoreUnavailable as error:
                raise RuntimeError("no prices") from error

    away = StoreUnavailable("locked")

    assert cause_of(await failure_of(hooks_of(Wrapping)), Unavailable) is away
    assert cause_of(await failure_of(hooks_of(raising(ValueError()))), Unavailable) is None


@pytest.mark.parametrize("hook", ["normalize_message", "classify_sender", "review_replies", "persist", "send_reply"])
async def test_every_hook_fails_with_its_name(hook: str) -> None:
    class Broken(Plugin):
        @hookimpl
        async def normalize_message(self) -> None:
            raise ValueError

        @hookimpl
        async def classify_sender(self) -> None:
            raise ValueError

        @hookimpl
        async def review_replies(self) -> None:
            raise ValueError

        @hookimpl
        async def persist(self) -> None:
            raise ValueError

        @hookimpl
        async def send_reply(self) -> None:
            raise ValueError

    hooks = hooks_of(Broken)
    session: Any = object()
    args: dict[str, tuple[Any, ...]] = {
        "normalize_message": ({}, "main"),
        "classify_sender": (a_message(), NoStore(), "main"),
        "review_replies": ([Reply("a")], a_turn()),
        "persist": (session, Outcome(), a_turn()),
        "send_reply": (Reply("a"), a_delivery()),
    }

    with pytest.raises(HookFailed) as caught:
        await getattr(hooks, hook)(*args[hook])

    assert (caught.value.plugin, caught.value.hook) == ("broken", hook)


# ------------------------------------------------------------------ nonsense


def saying(value: object) -> type[Plugin]:
    """A plugin that returns the value from every hook; unannotated, so that registration has nothing to say."""

    class Saying(Plugin):
        @hookimpl
        async def normalize_message(self):  # type: ignore[no-untyped-def]
            return value

        @hookimpl
        async def classify_sender(self):  # type: ignore[no-untyped-def]
            return value

        @hookimpl
        async def handle_message(self):  # type: ignore[no-untyped-def]
            return value

        @hookimpl
        async def review_replies(self):  # type: ignore[no-untyped-def]
            return value

        @hookimpl
        async def persist(self):  # type: ignore[no-untyped-def]
            return value

        @hookimpl
        async def send_reply(self):  # type: ignore[no-untyped-def]
            return value

        @hookimpl
        async def handle_event(self):  # type: ignore[no-untyped-def]
            return value

    return Saying


def a_generator() -> Iterator[Reply]:
    yield Reply("a")


async def a_stream() -> AsyncIterator[Reply]:
    yield Reply("a")


async def forgotten() -> Reply:
    return Reply("a")


class Untabled(SQLModel):
    name: str = ""


WRONG_ANSWERS: Sequence[tuple[Any, str]] = [
    (7, "returned int, not Reply, a list of Reply, Outcome or None"),
    ("oi", "returned str, not Reply, a list of Reply, Outcome or None"),
    ({"text": "oi"}, "returned dict, not Reply"),
    (True, "returned bool, not Reply"),
    (Reply, "returned the class Reply, not Reply"),
    (a_generator(), "returned a generator, not Reply"),
    (a_stream(), "returned a generator, not Reply"),
    (["oi"], "returned list whose item 0 is str, not Reply"),
    ([Reply("a"), None], "returned list whose item 1 is None, not Reply"),
    (Reply(""), "Reply.text is blank"),
    (Reply(" \n\t"), "Reply.text is blank"),
    (Reply(None), "Reply.text is None, not str"),  # type: ignore[arg-type]
    (Reply("x" * 65_537), "Reply.text has 65,537 characters; 65,536 are the most"),
    (Reply("a\0b"), "Reply.text has a NUL character at place 1"),
    (Reply("ab\ud83d"), "Reply.text has half a character (the surrogate U+D83D) at place 2"),
    (Reply("a", datetime(2026, 11, 22, 9)), "Reply.not_before has no time zone: 2026-11-22T09:00:00"),  # noqa: DTZ001
    (Reply("a", "amanhã"), "Reply.not_before is str, not a datetime or None"),  # type: ignore[arg-type]
    ([Reply("a"), Reply("")], "Reply.text is blank"),
    (Outcome("oi"), "Outcome.replies is str, not a list of Reply"),  # type: ignore[arg-type]
    (Outcome(Reply("a")), "Outcome.replies is Reply, not a list of Reply"),  # type: ignore[arg-type]
    (Outcome([Reply("")]), "Reply.text is blank"),
    (Outcome(records=[{"a": 1}]), "item 0 of Outcome.records is dict, not an instance of an SQLModel table"),  # type: ignore[list-item]
    (Outcome(records=[Untabled()]), "item 0 of Outcome.records is Untabled, not an instance of an SQLModel table"),
    (Outcome(records=AiInteraction()), "Outcome.records is AiInteraction, not a list of SQLModel instances"),  # type: ignore[arg-type]
    (Outcome(interaction="x"), "Outcome.interaction is str, not Interaction or None"),  # type: ignore[arg-type]
    (Outcome(interaction=Interaction(prompt="a", response="\0")), "Interaction.response has a NUL character"),
    (
        Outcome(interaction=Interaction(prompt="a", response="b", confidence="high")),  # type: ignore[arg-type]
        "Interaction.confidence is str, not a number or None",
    ),
]


@pytest.mark.parametrize(("value", "told"), WRONG_ANSWERS, ids=lambda value: value if isinstance(value, str) else "")
async def test_a_wrong_answer_is_told_with_what_would_be_right(value: object, told: str) -> None:
    failure = await failure_of(hooks_of(saying(value)))

    assert told in failure.reason


async def test_an_answer_that_cannot_even_be_looked_at_is_told() -> None:
    class Trap(Reply):
        @property
        def text(self) -> str:
            raise ValueError("a trap")

        @text.setter
        def text(self, value: str) -> None: ...

    class Setting(Plugin):
        @hookimpl
        async def handle_message(self) -> Reply:
            return object.__new__(Trap)

    assert "raised ValueError: a trap" in (await failure_of(hooks_of(Setting))).reason


async def test_a_forgotten_await_is_told() -> None:
    failure = await failure_of(hooks_of(saying(forgotten())))

    assert failure.reason.startswith("returned a coroutine (is an await missing?), not Reply")


def a_message_with(**fields: Any) -> Message:
    right: dict[str, Any] = {
        "kind": "text",
        "event": "message",
        "text": "oi",
        "chat_id": CHAT,
        "chat_kind": "direct",
        "message_id": "3EB0",
    }
    return Message(**{**right, **fields})


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ({"text": "oi"}, "returned dict, not Message or None"),
        (a_message_with(text=None), "Message.text is None, not str"),
        (a_message_with(text="\0"), "Message.text has a NUL character at place 0"),
        (a_message_with(chat_id=""), "Message.chat_id is blank"),
        (a_message_with(chat_kind="room"), "Message.chat_kind is none of direct, group"),
        (a_message_with(contact_phone="+55 11 90000-0001"), "Message.contact_phone is not 5 to 15 digits"),
        (a_message_with(contact_lid="123"), "Message.contact_lid is not <digits>@lid"),
        (a_message_with(timestamp=1.5), "Message.timestamp is float, not whole seconds or None"),
    ],
)
async def test_a_wrong_message_is_told(value: object, told: str) -> None:
    with pytest.raises(HookFailed) as caught:
        await hooks_of(saying(value)).normalize_message({}, "main")

    assert told in caught.value.reason


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("owner", "returned str, not Sender or None"),
        (Sender(role=""), "Sender.role is blank"),
        (Sender(role=None), "Sender.role is None, not str"),  # type: ignore[arg-type]
        (Sender(role="owner", phone="abc"), "Sender.phone is not 5 to 15 digits"),
        (Sender(role="owner", lid="abc"), "Sender.lid is not <digits>@lid"),
        (Sender(role="owner", name="\ud800"), "Sender.name has half a character"),
    ],
)
async def test_a_wrong_sender_is_told(value: object, told: str) -> None:
    with pytest.raises(HookFailed) as caught:
        await hooks_of(saying(value)).classify_sender(a_message(), NoStore(), "main")

    assert told in caught.value.reason


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("3EB0", "returned str, not Receipt or None"),
        (Receipt(7), "Receipt.message_id is int, not str"),  # type: ignore[arg-type]
        (Receipt(""), "Receipt.message_id is blank"),
    ],
)
async def test_a_wrong_receipt_is_told(value: object, told: str) -> None:
    with pytest.raises(HookFailed) as caught:
        await hooks_of(saying(value)).send_reply(Reply("a"), a_delivery())

    assert told in caught.value.reason


async def test_a_wrong_review_is_told() -> None:
    with pytest.raises(HookFailed, match="returned Reply, not a list of Reply or None"):
        await hooks_of(saying(Reply("a"))).review_replies([Reply("a")], a_turn())


async def test_hooks_without_a_result_return_none() -> None:
    session: Any = object()
    hooks = hooks_of(saying(1))

    with pytest.raises(HookFailed, match="returned int, not None"):
        await hooks.persist(session, Outcome(), a_turn())
    event = Event(kind="receipt", chat_id="5511900000001@s.whatsapp.net")
    assert [failure.reason for failure in await hooks.handle_event(event, "main", NoStore())] == [
        "returned int, not None"
    ]


async def test_what_is_right_passes_the_checks() -> None:
    at = datetime(2026, 11, 22, tzinfo=UTC)
    row = AiInteraction(prompt="a", response="b")
    outcome = Outcome(
        [Reply("á" * 65_536, at)], records=[row], interaction=Interaction(prompt="", response="b", confidence=1)
    )
    turn = a_turn()

    answered = await hooks_of(saying(outcome)).handle_message(turn.messages[0], turn.sender, turn)

    assert answered is not None
    assert answered.value == Outcome(tuple(outcome.replies), records=(row,), interaction=outcome.interaction)
    for message in (a_message(), a_message_with(contact_lid="1234@lid", contact_phone=None, timestamp=1)):
        assert await hooks_of(saying(message)).normalize_message({}, "main") == message
    assert await hooks_of(saying(Receipt(None))).send_reply(Reply("a"), a_delivery()) is not None
