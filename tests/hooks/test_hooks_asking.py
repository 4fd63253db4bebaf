"""Who is asked, in which order, with what, and who answered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import pytest

from auzap.contract.hookspecs import hookimpl
from auzap.contract.options import Options
from auzap.contract.plugin import Plugin
from auzap.hooks import Answered, TenantHooks
from auzap.model.event import Event
from auzap.model.message import Message
from auzap.model.people import Sender
from auzap.model.reply import Delivery, Outcome, Receipt, Reply
from auzap.model.turn import TenantStore, Turn
from tests.support.hook_plugins import NoStore, a_delivery, a_message, a_turn, hooks_of, instance_of


class Named(Plugin):
    """Answers with its name."""

    @hookimpl
    async def handle_message(self) -> Reply:
        return Reply(self.name)


class Passing(Plugin):
    @hookimpl
    async def handle_message(self, message: Message) -> Reply | None:
        return None


async def answer(hooks: TenantHooks, role: str = "client") -> Answered[Outcome] | None:
    turn = a_turn(role)
    return await hooks.handle_message(turn.messages[0], turn.sender, turn)


async def test_the_first_plugin_of_the_list_is_asked_first() -> None:
    hooks = hooks_of(instance_of(Named, "one"), instance_of(Named, "two"))

    assert await answer(hooks) == Answered("one", Outcome((Reply("one"),)))


async def test_the_next_is_asked_when_one_passes_and_the_answer_names_who_gave_it() -> None:
    hooks = hooks_of(Passing, instance_of(Named, "two"), instance_of(Named, "three"))

    answered = await answer(hooks)

    assert answered is not None
    assert answered.plugin == "two"


async def test_nobody_answers() -> None:
    assert await answer(hooks_of(Passing)) is None
    assert await answer(hooks_of()) is None


async def test_an_empty_list_is_an_answer_with_silence() -> None:
    class Silent(Plugin):
        @hookimpl
        async def handle_message(self) -> list[Reply]:
            return []

    assert await answer(hooks_of(Silent, Named)) == Answered("silent", Outcome())


@pytest.mark.parametrize(
    "said",
    [
        Reply("a"),
        [Reply("a")],
        (Reply("a"),),
        Outcome([Reply("a")]),
        Outcome((Reply("a"),)),
    ],
)
async def test_every_form_of_an_answer_becomes_an_outcome(said: Any) -> None:
    class Saying(Plugin):
        @hookimpl
        async def handle_message(self) -> Any:
            return said

    answered = await answer(hooks_of(Saying))

    assert answered is not None
    assert answered.value == Outcome((Reply("a"),))


async def test_an_implementation_gets_only_the_arguments_that_it_names_in_its_own_order() -> None:
    class Curious(Plugin):
        @hookimpl
        async def handle_message(self, turn: Turn, message: Message) -> Reply:
            return Reply(f"{message.text} {turn.instance_id}")

    answered = await answer(hooks_of(Curious))

    assert answered is not None
    assert answered.value.replies == (Reply("oi main"),)


async def test_tryfirst_and_trylast_come_before_and_after_the_others_each_in_the_order_of_the_list() -> None:
    asked: list[str] = []

    class Early(Plugin):
        @hookimpl(tryfirst=True)
        async def handle_message(self) -> None:
            asked.append(self.name)

    class Usual(Plugin):
        @hookimpl
        async def handle_message(self) -> None:
            asked.append(self.name)

    class Late(Plugin):
        @hookimpl(trylast=True)
        async def handle_message(self) -> None:
            asked.append(self.name)

    kinds: list[type[Plugin]] = [Late, Usual, Early]
    plugins = [instance_of(kind, f"{kind.__name__}{n}") for n in (1, 2) for kind in kinds]
    await answer(hooks_of(*plugins))

    assert asked == ["Early1", "Early2", "Usual1", "Usual2", "Late1", "Late2"]


async def test_a_method_may_have_another_name_than_its_hook() -> None:
    class Other(Plugin):
        @hookimpl(specname="handle_message")
        async def greet(self, message: Message) -> Reply:
            return Reply(message.text)

    assert await answer(hooks_of(Other)) is not None


async def test_static_and_class_methods_are_methods_too() -> None:
    class Still(Plugin):
        @hookimpl
        @staticmethod
        async def handle_message(message: Message) -> Reply | None:
            return None

        @hookimpl
        @classmethod
        async def classify_sender(cls, message: Message) -> Sender:
            return Sender(role=cls.__name__)

    class Below(Plugin):
        @staticmethod
        @hookimpl
        async def handle_message(message: Message) -> Reply:
            return Reply(message.text)

    hooks = hooks_of(Still, Below)

    assert await answer(hooks) == Answered("below", Outcome((Reply("oi"),)))
    assert await hooks.classify_sender(a_message(), NoStore(), "main") == Answered("still", Sender(role="Still"))


async def test_an_optional_hook_of_another_version_is_left_out() -> None:
    class Ahead(Plugin):
        @hookimpl(optionalhook=True)
        async def of_tomorrow(self, anything: int) -> None: ...

    assert await answer(hooks_of(Ahead, Named)) is not None


async def test_a_plugin_is_asked_only_for_its_roles() -> None:
    hooks = hooks_of(instance_of(Named, "boss", roles=["owner"]), instance_of(Named, "all"))

    for role, who in (("owner", "boss"), ("client", "all")):
        answered = await answer(hooks, role)
        assert answered is not None
        assert answered.plugin == who


async def test_roles_may_be_the_default_of_the_plugins_own_options() -> None:
    class Boss(Named):
        class Options(Options):
            roles: tuple[str, ...] | None = ("owner",)

    assert await answer(hooks_of(Boss)) is None
    assert await answer(hooks_of(Boss), "owner") is not None


async def test_roles_are_of_handle_message_alone() -> None:
    class Boss(Plugin):
        @hookimpl
        async def review_replies(self, replies: Sequence[Reply]) -> list[Reply]:
            return [Reply(reply.text + "!") for reply in replies]

    hooks = hooks_of(instance_of(Boss, roles=["owner"]))

    assert await hooks.review_replies([Reply("a")], a_turn("client")) == (Reply("a!"),)


async def test_reviewers_get_what_the_one_before_returned() -> None:
    class Adding(Plugin):
        @hookimpl
        async def review_replies(self, replies: Sequence[Reply], turn: Turn) -> Sequence[Reply]:
            return [Reply(reply.text + self.name) for reply in replies]

    class Unchanging(Plugin):
        @hookimpl
        async def review_replies(self) -> None: ...

    hooks = hooks_of(instance_of(Adding, "1"), Unchanging, instance_of(Adding, "2"))

    assert await hooks.review_replies([Reply("a"), Reply("b")], a_turn()) == (Reply("a12"), Reply("b12"))


async def test_a_reviewer_may_take_all_replies_away() -> None:
    class Hushing(Plugin):
        @hookimpl
        async def review_replies(self) -> list[Reply]:
            return []

    assert await hooks_of(Hushing).review_replies([Reply("a")], a_turn()) == ()


async def test_every_persist_is_called_with_the_session() -> None:
    seen: list[object] = []

    class Writing(Plugin):
        @hookimpl
        async def persist(self, session: Any, outcome: Outcome) -> None:
            seen.append((self.name, session, outcome))

    session = cast("Any", object())
    hooks = hooks_of(instance_of(Writing, "one"), instance_of(Writing, "two"))
    await hooks.persist(session, Outcome(), a_turn())

    assert hooks.has_persist
    assert seen == [("one", session, Outcome()), ("two", session, Outcome())]
    assert not hooks_of(Named).has_persist


async def test_a_plugin_may_read_the_payload_itself() -> None:
    class Reading(Plugin):
        @hookimpl
        async def normalize_message(self, payload: Any, instance_id: str) -> Message | None:
            return a_message(payload["words"]) if "words" in payload else None

    hooks = hooks_of(Reading)

    assert await hooks.normalize_message({"words": "bom dia"}, "main") == a_message("bom dia")
    assert await hooks.normalize_message({}, "main") is None


async def test_a_plugin_may_send_itself() -> None:
    class Sending(Plugin):
        @hookimpl
        async def send_reply(self, reply: Reply, delivery: Delivery) -> Receipt | None:
            return Receipt(delivery.key) if reply.text == "olá" else None

    hooks = hooks_of(Sending)

    assert await hooks.send_reply(Reply("olá"), a_delivery()) == Answered("sending", Receipt("k1"))
    assert await hooks.send_reply(Reply("tchau"), a_delivery()) is None


async def test_every_plugin_hears_of_an_event_also_after_one_that_failed(capsys: pytest.CaptureFixture[str]) -> None:
    heard: list[str] = []

    class Breaking(Plugin):
        @hookimpl
        async def handle_event(self, event: Event) -> None:
            raise ValueError("broken")

    class Hearing(Plugin):
        @hookimpl
        async def handle_event(self, event: Event, instance_id: str, store: TenantStore) -> None:
            heard.append(f"{event.kind} {instance_id}")

    event = Event(kind="receipt", chat_id="5511900000001@s.whatsapp.net", status="read")
    failures = await hooks_of(Breaking, Hearing).handle_event(event, "main", NoStore())

    assert heard == ["receipt main"]
    assert [(failure.plugin, failure.hook) for failure in failures] == [("breaking", "handle_event")]
    logged = "".join(capsys.readouterr())
    assert all(word in logged for word in ("abc123", "breaking", "raised ValueError: broken"))


async def test_two_tenants_have_nothing_in_common() -> None:
    one, other = hooks_of(instance_of(Named, "one")), hooks_of(instance_of(Named, "other"))

    assert [answered.plugin for hooks in (one, other) if (answered := await answer(hooks))] == ["one", "other"]
