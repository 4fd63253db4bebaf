from __future__ import annotations

from collections.abc import Mapping

import anyio
import pytest
from auzap_faq_sheet import FaqSheet

import auzap
from auzap.testing import Bot, Server, Setup, uses

SHEET = 'pergunta,resposta\naceita cartão,Aceitamos todos os cartões. 💳\n"entrega, taxa",A entrega custa R$ 8.\n'


class Parking(auzap.Plugin):
    """Another plugin, with an answer of its own."""

    @auzap.hookimpl(optionalhook=True)
    async def faq_entries(self) -> Mapping[str, str]:
        return {"estacionamento": "Temos duas vagas na porta. 🚗"}


@pytest.fixture
def bot_setup(bot_web: Server) -> Setup:
    bot_web.answers("/sheet.csv", text=SHEET)
    return Setup(plugins=[uses(FaqSheet, url=f"{bot_web.url}/sheet.csv", refresh="50ms"), Parking])


async def test_it_answers_what_stands_in_the_sheet(bot: Bot) -> None:
    assert await bot.says("Oi! Vocês aceitam? Digo: aceita CARTAO?") == ["Aceitamos todos os cartões. 💳"]
    assert await bot.says("Qual a taxa de entrega?") == ["A entrega custa R$ 8."]
    assert (await bot.says("Quanto custa o banho?")).reason == "nobody_answered"


async def test_another_plugin_adds_an_answer(bot: Bot) -> None:
    assert await bot.says("Tem estacionamento?") == ["Temos duas vagas na porta. 🚗"]


async def test_a_change_of_the_sheet_counts_soon_and_a_broken_one_never(bot: Bot, bot_web: Server) -> None:
    bot_web.answers("/sheet.csv", text="aceita pix,Aceitamos Pix!\n")
    with anyio.fail_after(10):
        while await bot.says("Aceita pix?") != ["Aceitamos Pix!"]:  # noqa: ASYNC110 - the sheet is fetched by itself
            await anyio.sleep(0.02)
    bot_web.answers("/sheet.csv", text="", status=500)
    asked = len(bot_web.requests)
    with anyio.fail_after(10):
        while len(bot_web.requests) < asked + 2:  # noqa: ASYNC110 - the server is not ours
            await anyio.sleep(0.02)
    assert await bot.says("Aceita pix?") == ["Aceitamos Pix!"]
