from __future__ import annotations

from datetime import datetime

import pytest
from auzap_daily_report import DailyReport

from auzap.testing import Bot, Setup, uses

OWNER = "+55 11 90000-0001"


@pytest.fixture
def bot_setup() -> Setup:
    """In the morning."""
    now = datetime(2026, 5, 4, 9, 0)  # noqa: DTZ001 - the tenant's time
    return Setup(plugins=[uses(DailyReport, to=OWNER)], now=now)


async def test_the_owner_is_told_every_evening_how_the_day_went(bot: Bot) -> None:
    await bot.owner.says("oi")
    await bot.says("Oi", "Tem horário?")
    await bot.says("Bom dia!", phone="+55 11 90000-0011")
    assert await bot.wait(days=1) == ["Loja de Teste, 04/05: 3 mensagens de 2 clientes. Bom descanso! 🌙"]
    assert await bot.wait(days=1) == ["Loja de Teste, 05/05: 0 mensagens de 0 clientes. Bom descanso! 🌙"]
    assert len(bot.owner.heard) == 2


async def test_a_report_is_told_once(bot: Bot) -> None:
    await bot.owner.says("oi")
    bot.crash_at("after_accepted")
    await bot.wait(hours=12)
    assert len(bot.owner.heard) == 1
