from __future__ import annotations

import pytest
from auzap_language import Language, language, language_of
from click.testing import CliRunner

from auzap.testing import Bot, bot_of


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Oi, vocês têm horário para o banho?", "pt"),
        ("Hola, ¿tienen hora para el perro?", "es"),
        ("Hi, do you have time for my dog?", "en"),
        ("Rex", None),
        ("", None),
    ],
)
def test_a_language_is_told_by_its_small_words(text: str, language: str | None) -> None:
    assert language_of(text) == language


@bot_of(Language)
async def test_who_writes_in_another_language_is_greeted_once_in_it(bot: Bot) -> None:
    assert "in Brazil" in (await bot.says("Hello! Do you have time for my dog?")).text
    assert (await bot.says("What is the price of a bath?")).reason == "nobody_answered"
    assert "Brasil" in (await bot.says("Hola, ¿tienen hora para el perro?")).text


@bot_of(Language, greetings={"en": "Just a moment, please!"})
async def test_other_languages_are_left_to_the_next_plugin(bot: Bot) -> None:
    assert (await bot.says("Oi, vocês têm horário?")).reason == "nobody_answered"
    assert await bot.says("Hi, do you have time?") == ["Just a moment, please!"]


def test_the_command_tells_the_language() -> None:
    assert CliRunner().invoke(language, ["Hola, ¿tienen hora?"], standalone_mode=False).output == "es\n"
