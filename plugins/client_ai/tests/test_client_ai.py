"""The customers' assistant, called as the pipeline calls it."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from auzap import Interaction, Outcome, Reply
from auzap_client_ai import ClientAI
from tests.support.plugin_turns import build, message_of


async def answered(text: str, **options: object) -> Outcome:
    outcome = await build(ClientAI, **options).handle_message(message_of(text))
    assert outcome is not None
    return outcome


async def test_acknowledges_the_customers_text() -> None:
    outcome = await answered("Vocês dão banho em gato?")
    assert outcome.replies == [
        Reply('Olá! Recebi sua mensagem: "Vocês dão banho em gato?". Em breve um atendente irá responder! 🐾')
    ]


async def test_the_interaction_has_what_was_asked_and_answered() -> None:
    outcome = await answered("Oi")
    assert outcome.interaction == Interaction(
        prompt="Oi",
        response=outcome.replies[0].text,
        intent="general",
        sentiment="neutral",
        confidence=0.8,
        model_used="rules",
    )
    assert not outcome.records


@pytest.mark.parametrize("text", ["", "  \n\t"])
async def test_without_text_somebody_else_may_answer(text: str) -> None:
    assert await build(ClientAI).handle_message(message_of(text, kind="image")) is None


async def test_a_caption_is_text() -> None:
    outcome = await build(ClientAI).handle_message(message_of("Esse aqui", kind="image"))
    assert outcome is not None
    assert '"Esse aqui"' in outcome.replies[0].text


async def test_a_burst_is_answered_once_with_all_its_texts() -> None:
    outcome = await answered("Oi\nTem horário hoje?")
    assert [reply.text.count('"Oi\nTem horário hoje?"') for reply in outcome.replies] == [1]


async def test_a_very_long_text_is_quoted_in_part_and_kept_whole() -> None:
    long = "miau " * 500
    outcome = await answered(long, reply="{text}")
    assert len(outcome.replies[0].text) <= 1_000
    assert outcome.replies[0].text.endswith("miau…")
    assert outcome.interaction is not None
    assert outcome.interaction.prompt == long


@pytest.mark.parametrize(("text", "quoted"), [("x" * 1_000, "x" * 1_000), ("x" * 1_001, "x" * 999 + "…")])
async def test_a_quote_has_a_thousand_characters_at_most(text: str, quoted: str) -> None:
    assert (await answered(text, reply="{text}")).replies == [Reply(quoted)]


@pytest.mark.parametrize("text", ["{text}", "{nome} {0} {", "%s $text \\1"])
async def test_what_a_customer_writes_is_never_read_as_a_template(text: str) -> None:
    assert (await answered(text, reply="<{text}>")).replies == [Reply(f"<{text}>")]


async def test_the_reply_can_be_the_business_own() -> None:
    assert (await answered("Oi", reply="Já voltamos! 🐶")).replies == [Reply("Já voltamos! 🐶")]


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        ("Olá, {nome}! {text}", "{nome} means nothing here; only {text}, what the customer wrote, is filled in"),
        ("{text!r}", "{text!r} means nothing here"),
        ("{}", "{} means nothing here"),
        (" ", "the reply is empty"),
    ],
)
def test_a_wrong_reply_is_refused_when_it_is_loaded(reply: str, told: str) -> None:
    with pytest.raises(ValidationError) as caught:
        build(ClientAI, reply=reply)
    assert told in str(caught.value)


def test_is_asked_for_customers_alone() -> None:
    assert build(ClientAI).options.roles == ("client",)
    assert build(ClientAI, roles=["client", "partner"]).options.roles == ("client", "partner")
