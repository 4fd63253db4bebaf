from __future__ import annotations

import pytest
from auzap_registration import Registration, RegistrationRow

from auzap.testing import Bot, Setup


@pytest.fixture
def bot_setup() -> Setup:
    return Setup(plugins=[Registration])


async def test_it_asks_one_thing_after_the_other_and_keeps_the_answers(bot: Bot) -> None:
    assert await bot.says("cadastro") == ["Vamos lá! Qual é o seu nome?"]
    assert await bot.says("Ana") == ["E o nome do seu pet?"]
    assert await bot.says("Rex") == ["Pronto, Ana! O cadastro de Rex está feito. 🐾"]
    [row] = await bot.rows(RegistrationRow)
    assert (row.person, row.pet) == ("Ana", "Rex")
    assert (await bot.says("Obrigada!")).reason == "nobody_answered"


async def test_dialogues_of_two_people_do_not_mix(bot: Bot) -> None:
    await bot.says("cadastro")
    assert (await bot.says("Bia", phone="+55 11 90000-0011")).reason == "nobody_answered"
    assert await bot.says("Ana") == ["E o nome do seu pet?"]


async def test_it_can_be_called_off(bot: Bot) -> None:
    await bot.says("cadastro")
    assert await bot.says("Cancelar") == ["Tudo bem, não guardei nada."]
    assert (await bot.says("Ana")).reason == "nobody_answered"


async def test_a_dialogue_that_rests_is_forgotten(bot: Bot) -> None:
    await bot.says("cadastro")
    bot.clock.advance(minutes=31)
    assert (await bot.says("Ana")).reason == "nobody_answered"


async def test_an_attempt_that_died_has_heard_nothing(bot: Bot) -> None:
    await bot.says("cadastro")
    bot.crash_at("before_commit")
    assert await bot.says("Ana") == ["E o nome do seu pet?"]
