from __future__ import annotations

from datetime import datetime

import pytest
from auzap_opening_hours import OpeningHours

from auzap.testing import Bot, Setup, uses


@pytest.fixture
def bot_setup() -> Setup:
    """Late on Friday; on Saturday it is closed."""
    plugin = uses(OpeningHours, days=["seg", "ter", "qua", "qui", "sex"], holidays=["2026-05-04"])
    return Setup(plugins=[plugin], now=datetime(2026, 5, 1, 22, 0))  # noqa: DTZ001 - the tenant's time


async def test_at_night_a_customer_is_told_once_when_it_opens(bot: Bot) -> None:
    """Monday is a holiday."""
    assert await bot.says("Oi, tem alguém aí?") == [
        "Agora estamos fechados. 🌙 Dia 05/05, às 08:00, a gente te responde!"
    ]
    assert await bot.says("Alô?") == []
    assert await bot.says("Oi!", phone="+55 11 90000-0011") != []


async def test_in_the_morning_the_next_plugin_is_asked(bot: Bot) -> None:
    bot.clock.advance(days=3, hours=11)  # Tuesday, 9:00
    assert (await bot.says("Bom dia!")).reason == "nobody_answered"
    bot.clock.advance(hours=9)
    assert (await bot.says("Ainda aí?")).text.endswith("Amanhã, às 08:00, a gente te responde!")


async def test_the_owner_is_not_bothered(bot: Bot) -> None:
    assert (await bot.owner.says("resumo")).reason == "nobody_answered"
