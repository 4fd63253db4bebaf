from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import anyio
import pytest
from auzap_telegram import Telegram, TelegramOptions
from bot_api import TOKEN, BotApi, serving, update
from pydantic import SecretStr

from auzap import Delivery, Refused, Unreachable
from auzap.model.errors import BadPayload

DELIVERY = Delivery(organization_id="loja", instance_id="bot", to="777@telegram", text="Oi, Ana! 🐾", key="k1")


@pytest.fixture
def api() -> Iterator[BotApi]:
    with serving() as running:
        yield running


def options(url: str, token: str = TOKEN) -> TelegramOptions:
    return TelegramOptions(channel="telegram", url=url, token=SecretStr(token), poll=0)


@pytest.fixture
async def channel(api: BotApi) -> AsyncIterator[Telegram]:
    async with Telegram("loja", "bot", options(api.url)) as opened:
        yield opened


def test_an_update_is_a_message() -> None:
    [arrival] = Telegram.receive(update(5, "Oi!"))
    message = Telegram.normalize(arrival.payload)
    assert (arrival.kind, arrival.chat_id, arrival.identity) == ("message", "777@telegram", ("777@telegram", "5"))
    assert (message.text, message.push_name, message.contact_lid) == ("Oi!", "Ana", "0777@lid")
    assert message.dispatch


def test_what_is_no_message_tells_nothing_and_what_is_odd_is_refused() -> None:
    assert list(Telegram.receive({"update_id": 1, "poll": {}})) == []
    with pytest.raises(BadPayload):
        Telegram.normalize({"message": {"text": "of nobody"}})


async def test_what_was_not_accepted_comes_again(channel: Telegram, api: BotApi) -> None:
    """So does what came in the same poll; the queue knows it by its identity."""
    api.updates = [update(5, "Oi!"), update(6, "Tudo bem?"), update(7, "Alô?")]
    accepted: list[str] = []
    is_away = True

    async def accept(posted: Any) -> None:
        nonlocal is_away
        if posted["update_id"] == 6 and is_away:
            is_away = False
            raise OSError("no queue")
        accepted.append(posted["message"]["text"])
        if posted["update_id"] == 7:
            scope.cancel()

    with anyio.move_on_after(10) as scope:
        with pytest.raises(OSError, match="no queue"):
            await channel.listen(accept)
        await channel.listen(accept)
    assert accepted == ["Oi!", "Oi!", "Tudo bem?", "Alô?"]


async def test_a_reply_is_posted(channel: Telegram, api: BotApi) -> None:
    receipt = await channel.send(DELIVERY)
    assert receipt.message_id == "101"
    assert api.sent == [{"chat_id": "777", "text": "Oi, Ana! 🐾"}]
    await channel.probe()


@pytest.mark.parametrize(("status", "final"), [(400, True), (403, True), (429, False), (500, False)])
async def test_a_refusal_is_told_with_whether_it_is_final(
    channel: Telegram, api: BotApi, status: int, final: bool
) -> None:
    api.refusals = [(status, "nope")]
    with pytest.raises(Refused, match=f"{status} nope") as refused:
        await channel.send(DELIVERY)
    assert refused.value.final is final


async def test_a_wrong_token_and_nobody_there_are_unreachable(api: BotApi) -> None:
    for one in (options(api.url, token="1:NO"), options("http://127.0.0.1:1")):
        async with Telegram("loja", "bot", one) as channel:
            with pytest.raises(Unreachable):
                await channel.send(DELIVERY)
