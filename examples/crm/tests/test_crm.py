from __future__ import annotations

import pytest
from auzap_crm import Crm, Lead

from auzap.testing import Bot, Server, Setup, uses


@pytest.fixture
def bot_setup(bot_web: Server) -> Setup:
    bot_web.answers("/leads", {"ok": True})
    return Setup(plugins=[uses(Crm, url=f"{bot_web.url}/leads", token="segredo")])


async def test_each_message_is_told_once(bot: Bot, bot_web: Server) -> None:
    await bot.says("Oi, quero um banho", name="Ana")
    await bot.wait("30s")
    [request] = bot_web.requests
    assert request.json == {"phone": bot.client.phone, "name": "Ana", "text": "Oi, quero um banho"}
    assert request.headers["Authorization"] == "Bearer segredo"
    assert await bot.rows(Lead) == []


async def test_what_the_crm_does_not_take_is_kept_and_told_again(bot: Bot, bot_web: Server) -> None:
    bot_web.answers("/leads", status=503)
    await bot.says("Oi")
    await bot.wait("10s")
    assert len(await bot.rows(Lead)) == 1
    bot_web.answers("/leads", {"ok": True})
    await bot.wait("10s")
    assert await bot.rows(Lead) == []
    assert len({request.headers["Idempotency-Key"] for request in bot_web.requests}) == 1


@pytest.mark.parametrize("point", ["in_handler", "before_commit"])
async def test_a_worker_that_dies_notes_nothing_twice(bot: Bot, point: str) -> None:
    bot.crash_at(point)
    await bot.says("Oi")
    assert len(await bot.rows(Lead)) == 1
