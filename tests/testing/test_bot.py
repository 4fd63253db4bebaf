"""A bot in a test runs the real pipeline: what is promised to authors who write to it."""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path

import pytest

import auzap
from auzap import Message, Reply
from auzap.model.errors import AuzapError
from auzap.tables import Contact, InboxRow, OutboxRow
from auzap.testing import Bot, PluginFailed, Server, Setup, bot_of, open_bot, uses
from auzap.testing.crashes import POINTS
from tests.testing.good import Visit, Visits


class Echo(auzap.Plugin):
    class Options(auzap.Options):
        prefix: str = "você disse: "

    options: Options

    @auzap.hookimpl
    async def handle_message(self, message: Message) -> Reply | None:
        if message.text == "bum":
            raise RuntimeError("bum!")
        return Reply(f"{self.options.prefix}{message.text or message.kind}")


class Hourly(auzap.Plugin):
    @auzap.every("1h")
    async def ring(self) -> None:
        await self.outbox.send(f"são {self.clock.now():%H:%M}", phone="+55 11 90000-0010")


# ------------------------------------------------------------------ who says what


@bot_of(Echo, prefix="R$ ${x} ")
async def test_a_message_is_answered_with_the_options_that_the_mark_gives(bot: Bot) -> None:
    replies = await bot.says("oi")
    assert replies == ["R$ ${x} oi"]
    assert (replies.answered_by, replies.role, replies.state) == ("echo", "client", "done")


@bot_of(Echo)
async def test_people_are_told_apart(bot: Bot) -> None:
    ana, bia = bot.person("+55 11 90000-0011", name="Ana"), bot.person("(11) 90000-0012")
    await asyncio.gather(ana.says("a1", "a2"), bia.says("b"))
    assert ana.heard == ["você disse: a1", "você disse: a2"]
    assert bia.heard == ["você disse: b"]
    assert (await bot.owner.says("oi")).role == "owner"
    assert {row.phone: row.name for row in await bot.rows(Contact)}["5511900000011"] == "Ana"


@bot_of(Echo)
async def test_every_kind_of_message_can_be_sent(bot: Bot) -> None:
    assert await bot.client.sends("image", "olha") == ["você disse: olha"]
    assert await bot.client.sends("audio", seconds=3) == ["você disse: audio"]
    assert await bot.client.sends("button", "Sim", id="s") == ["você disse: Sim"]
    assert (await bot.client.sends("reaction", "👍")).reason == "reaction"


@bot_of(Echo)
async def test_a_payload_goes_in_as_it_is(bot: Bot) -> None:
    payload = bot.client.message({"conversation": "oi"})
    assert await bot.sends(payload) == ["você disse: oi"]
    assert await bot.sends(payload) == []  # the gateway sent it twice
    await bot.sends({"takeover": {"remoteJid": bot.client.chat_id}})
    assert (await bot.says("alô?")).reason == "ai_off"


@bot_of(Echo, "client_ai")
async def test_a_plugin_that_fails_fails_the_test_with_what_it_raised(bot: Bot) -> None:
    with pytest.raises(PluginFailed, match=r"plugin echo: handle_message: .*bum!") as failed:
        await bot.says("bum")
    assert isinstance(failed.value.__cause__, RuntimeError)
    (letter,) = await bot.dead()
    assert (letter.stage, letter.attempts) == ("handle", 3)
    assert [line["event"] for line in bot.log if line["level"] == "warning"] == ["Attempt failed"] * 3


# ------------------------------------------------------------------ what is kept


@bot_of(Visits, thanks="Valeu!")
async def test_rows_state_and_traces_can_be_looked_at(bot: Bot) -> None:
    await bot.says("visita")
    replies = await bot.says("visita")
    assert replies == ["Valeu! É a 2ª."]
    assert [(row.who, row.number) for row in await bot.rows(Visit)] == [("5511900000010", 1), ("5511900000010", 2)]
    assert await bot.rows(Visit, Visit.number == 2)
    assert await bot.state("visits") == {"visits": 2}
    (trace,) = await bot.trace(replies)
    assert [(step.hook, step.plugin, step.said) for step in trace.steps] == [("handle_message", "visits", "answered")]


@bot_of(Visits)
async def test_rows_can_be_there_before(bot: Bot) -> None:
    await bot.add(Visit(who="x", number=1))
    assert await bot.says("visita") == ["Obrigado pela visita! É a 2ª."]


# ------------------------------------------------------------------ the clock


@pytest.fixture
def bot_setup(request: pytest.FixtureRequest) -> Setup:
    """As the plugin's own, but the clock begins at ten in the morning."""
    marker = request.node.get_closest_marker("bot")
    plugins = [uses(marker.args[0], **marker.kwargs), *marker.args[1:]]
    return Setup(plugins=plugins, now=datetime(2026, 5, 4, 10), others=["vizinha"])  # noqa: DTZ001 - it is the tenant's


@bot_of(Visits)
async def test_a_reply_for_later_leaves_when_its_time_has_come(bot: Bot) -> None:
    replies = await bot.says("lembrete")
    assert replies == ["Combinado!"]
    assert [one.text for one in replies.scheduled] == ["Lembrete: sua visita!"]
    bot.clock.advance(hours=1, minutes=59)
    assert await bot.run_due() == []
    bot.clock.advance("2m")
    assert await bot.run_due() == ["Lembrete: sua visita!"]


@bot_of(Visits)
async def test_state_expires_and_schedules_run_by_the_clock(bot: Bot) -> None:
    await bot.says("visita")
    assert await bot.says("quantas") == ["Nesta conversa: 1"]
    assert await bot.wait(hours=23) == ["05/05: 1 visitas"]
    assert await bot.says("quantas") == ["Nesta conversa: 1"]
    bot.clock.advance(hours=2)
    assert await bot.says("quantas") == ["Nesta conversa: 0"]
    assert bot.owner.heard == ["05/05: 1 visitas"]


@bot_of(Hourly)
async def test_waiting_stops_at_each_moment_and_a_jump_does_not(bot: Bot) -> None:
    assert await bot.wait("2h30m") == ["são 11:00", "são 12:00"]
    bot.clock.advance("2h")
    assert await bot.run_due() == ["são 14:30"]
    with pytest.raises(ValueError, match="goes forward only"):
        bot.clock.advance(hours=-1)


async def test_what_is_said_together_is_one_turn_where_the_tenant_has_a_burst() -> None:
    setup = Setup(plugins=[Echo], tenant={"burst": {"window": "3s", "max": "15s"}})
    async with open_bot(setup) as bot:
        assert await bot.says("oi", "tudo bem?") == ["você disse: oi\ntudo bem?"]
        assert await bot.says("e aí?") == ["você disse: e aí?"]


# ------------------------------------------------------------------ trouble


@bot_of(Echo)
async def test_a_gateway_refuses_loses_answers_and_is_away(bot: Bot) -> None:
    bot.gateway.refuse()
    assert await bot.says("1") == ["você disse: 1"]  # at the second attempt
    bot.gateway.refuse("not_on_whatsapp", final=True)
    replies = await bot.says("2")
    assert replies == []
    assert (replies.state, replies.reason) == ("dead", "not_on_whatsapp")
    bot.gateway.lose_answer()
    assert await bot.says("3") == ["você disse: 3"]
    assert [one.text for one in bot.gateway.posted[-2:]] == ["você disse: 3"] * 2
    bot.gateway.unreachable()
    assert (await bot.says("4")).state == "waits"
    bot.gateway.recover()
    assert await bot.wait("2s") == ["você disse: 4"]


@bot_of(Echo)
async def test_an_instance_that_is_away_for_long_is_given_up_by_the_clock(bot: Bot) -> None:
    bot.gateway.unreachable()
    await bot.says("oi")
    await bot.wait("2h")
    assert [letter.stage for letter in await bot.dead()] == ["send"]


@bot_of(Echo)
async def test_what_takes_longer_than_one_waits_puts_the_clock_no_further(bot: Bot) -> None:
    before = bot.clock.ahead
    assert await bot.wait(milliseconds=0) == []
    assert bot.clock.ahead == before


@bot_of(Echo)
async def test_a_slow_gateway_takes_its_time(bot: Bot) -> None:
    bot.gateway.slow(0.05, times=1)
    began = asyncio.get_running_loop().time()
    assert await bot.says("oi") == ["você disse: oi"]
    assert asyncio.get_running_loop().time() - began >= 0.05


@bot_of(Visits)
@pytest.mark.parametrize("point", POINTS)
async def test_a_crash_anywhere_loses_nothing_and_doubles_nothing(bot: Bot, point: str) -> None:
    before = (await bot.plugins())["visits"]
    bot.crash_at(point)
    assert await bot.says("visita") == ["Obrigado pela visita! É a 1ª."]
    assert bot.crashes == 1
    assert (await bot.plugins())["visits"] is not before
    assert len(await bot.rows(Visit)) == 1
    assert [row.state for row in await bot.rows(OutboxRow)] == ["sent"]
    assert [row.state for row in await bot.rows(InboxRow)] == ["done"]


async def test_a_crash_that_never_comes_fails_the_test() -> None:
    opening = open_bot(Visits)
    bot = await opening.__aenter__()
    bot.crash_at("after_claim")
    await bot.says("ninguém responde")
    with pytest.raises(AssertionError, match="crash_at: never reached: after_claim"):
        await opening.__aexit__(None, None, None)


@bot_of(Echo)
async def test_there_is_no_point_of_that_name(bot: Bot) -> None:
    with pytest.raises(ValueError, match="no point of a turn; there are after_lease, "):
        bot.crash_at("in_the_middle")


@bot_of(Visits)
async def test_a_restart_makes_new_plugins_and_keeps_what_is_stored(bot: Bot) -> None:
    await bot.says("visita")
    await bot.restart()
    assert await bot.says("visita") == ["Obrigado pela visita! É a 2ª."]


@bot_of(Visits)
async def test_another_tenant_has_rows_of_its_own(bot: Bot) -> None:
    await bot.says("visita")
    other = bot.tenant("vizinha")
    assert await other.says("visita") == ["Obrigado pela visita! É a 1ª."]
    assert len(await other.rows(Visit)) == 1


# ------------------------------------------------------------------ the world outside


async def test_a_plugin_calls_a_real_server(bot_web: Server, tmp_path: Path) -> None:
    bot_web.answers("/visits", {"ok": True})
    async with open_bot(Visits, url=bot_web.url, token="segredo", folder=tmp_path) as bot:
        assert await bot.says("avisa") == ["Avisado."]
    (request,) = bot_web.requests
    assert (request.method, request.path, request.json) == ("POST", "/visits", {"at": "now"})
    assert request.headers["X-Token"] == "segredo"


async def test_a_wrong_option_is_told_when_the_bot_is_opened() -> None:
    with pytest.raises(AuzapError, match=r"plugins\.echo\.prefixo: unknown key; did you mean prefix\?"):
        async with open_bot(Echo, prefixo="x"):
            raise AssertionError("it opened")
