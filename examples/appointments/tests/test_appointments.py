from __future__ import annotations

from datetime import datetime

import pytest
from auzap_appointments import Appointment, Appointments

from auzap.testing import Bot, Setup


@pytest.fixture
def bot_setup() -> Setup:
    return Setup(plugins=[Appointments], now=datetime(2026, 5, 4, 9, 0))  # noqa: DTZ001 - the tenant's time


async def test_a_time_is_booked_as_long_as_there_is_room(bot: Bot) -> None:
    assert await bot.says("Agendar 6/5 14:30 banho do Rex") == ["Marcado para 06/05 às 14:30! 🐾"]
    assert await bot.says("agendar 06/05 14:30", phone="+55 11 90000-0011") == ["Esse horário já foi. Pode ser outro?"]
    [row] = await bot.rows(Appointment)
    assert row.note == "banho do Rex"


@pytest.mark.parametrize("text", ["agendar 31/2 10:00", "agendar 1/1 25:00"])
async def test_a_day_that_does_not_exist_is_not_booked(bot: Bot, text: str) -> None:
    assert "Não conheço esse dia" in (await bot.says(text)).text
    assert await bot.rows(Appointment) == []


@pytest.mark.parametrize("point", ["in_handler", "before_commit", "after_persist", "after_accepted"])
async def test_whenever_the_worker_dies_it_is_booked_once(bot: Bot, point: str) -> None:
    bot.crash_at(point)
    assert await bot.says("agendar 6/5 14:30") == ["Marcado para 06/05 às 14:30! 🐾"]
    assert len(await bot.rows(Appointment)) == 1


async def test_everybody_is_reminded_once_the_evening_before(bot: Bot) -> None:
    await bot.says("agendar 6/5 14:30", name="Ana")
    assert await bot.wait("24h") == []
    assert await bot.wait("24h") == ["Oi, Ana! Lembrete: amanhã às 14:30 a gente te espera. 🐾"]
    assert await bot.wait("24h") == []
