"""Sending through a real gateway: each row of the failure table, and never twice behind the caller's back."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from auzap.channels.baileys import Baileys
from auzap.model.errors import Refused, Unreachable
from auzap.model.reply import Delivery, Receipt
from tests.support.gateway import Gateway, GatewayProcess, Mode, Rule
from tests.support.whatsapp import CLIENT, LID


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    async with Gateway() as running:
        yield running


def channel(url: str, **options: Any) -> Baileys:
    given = {"channel": "baileys", "url": url, **options}
    return Baileys("abc123", "main", Baileys.Options.model_validate(given))


def delivery(text: str = "Olá! 🐾", *, to: str = CLIENT, key: str = "k1") -> Delivery:
    return Delivery(organization_id="abc123", instance_id="main", to=to, text=text, key=key)


async def test_what_the_gateway_is_told(gateway: Gateway) -> None:
    async with channel(gateway.url, token="s3cret") as baileys:
        assert await baileys.send(delivery(to=LID)) == Receipt("OUT000001")
    (post,) = gateway.posts
    assert (post.organization, post.instance, post.to, post.text, post.key) == ("abc123", "main", LID, "Olá! 🐾", "k1")
    assert post.authorization == "Bearer s3cret"


@pytest.mark.parametrize("token", [None, ""])
async def test_without_a_token_there_is_no_header(gateway: Gateway, token: str | None) -> None:
    async with channel(gateway.url, token=token) as baileys:
        await baileys.send(delivery())
    assert gateway.posts[0].authorization is None


@pytest.mark.parametrize("text", ['a\nb\t"c" \\ \u2028', "\x01\x1f", "é" * 65_536, "half \ud83d"])
async def test_any_text_arrives_as_it_is(gateway: Gateway, text: str) -> None:
    async with channel(gateway.url) as baileys:
        await baileys.send(delivery(text))
    assert gateway.posts[0].text == text


# ------------------------------------------------------------------ unreachable


async def test_a_refused_connection_and_the_way_back(gateway: Gateway) -> None:
    async with channel(gateway.url) as baileys:
        await gateway.down()
        with pytest.raises(Unreachable, match="cannot connect to http://127"):
            await baileys.send(delivery())
        await gateway.up()
        assert await baileys.send(delivery()) == Receipt("OUT000001")
    assert len(gateway.posts) == 1


@pytest.mark.parametrize("host", ["[::1%25nowhere]", "1.2.3"])
async def test_a_host_that_does_not_exist(host: str) -> None:
    async with channel(f"http://{host}:3000") as baileys:
        with pytest.raises(Unreachable, match="cannot connect"):
            await baileys.send(delivery())


async def test_a_server_that_speaks_no_tls(gateway: Gateway) -> None:
    async with channel(gateway.url.replace("http:", "https:")) as baileys:
        with pytest.raises(Unreachable, match="cannot connect"):
            await baileys.send(delivery())
    assert gateway.posts == []


async def test_a_connection_that_never_comes_about() -> None:
    with full_backlog() as port:
        async with channel(f"http://127.0.0.1:{port}", timeout="400ms") as baileys:
            with pytest.raises(Unreachable, match="cannot connect"):
                await baileys.send(delivery())


class full_backlog:  # noqa: N801 - reads as a function
    """A port that accepts no connection: its queue is full."""

    def __enter__(self) -> int:
        self._server = socket.socket()
        self._server.bind(("127.0.0.1", 0))
        self._server.listen(0)
        port: int = self._server.getsockname()[1]
        self._waiting = [socket.socket() for _ in range(8)]
        for one in self._waiting:
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", port))
        return port

    def __exit__(self, *_: object) -> None:
        for one in (*self._waiting, self._server):
            one.close()


@pytest.mark.parametrize("status", [401, 403, 503, 302])
async def test_a_status_that_says_unreachable(gateway: Gateway, status: int) -> None:
    rule = Rule(do="answer", status=status, body="", headers={"Location": "/send"} if status == 302 else {})
    gateway.mode = Mode(rules=(rule,))
    async with channel(gateway.url) as baileys:
        with pytest.raises(Unreachable):
            await baileys.send(delivery())
    assert [post.outcome for post in gateway.posts] == [str(status)]


# ------------------------------------------------------------------ refused


async def refused(gateway: Gateway, rule: Rule, **options: Any) -> Refused:
    gateway.mode = Mode(rules=(rule,))
    async with channel(gateway.url, **options) as baileys:
        with pytest.raises(Refused) as caught:
            await baileys.send(delivery())
    assert len(gateway.posts) == 1, "one send is one POST, whatever comes of it"
    return caught.value


@pytest.mark.parametrize("status", [429, 500, 502])
async def test_a_status_that_passes(gateway: Gateway, status: int) -> None:
    assert not (await refused(gateway, Rule(do="answer", status=status, body=""))).final


@pytest.mark.parametrize("status", [400, 404])
async def test_a_status_that_is_final(gateway: Gateway, status: int) -> None:
    assert (await refused(gateway, Rule(do="answer", status=status, body=""))).final


async def test_a_plain_no(gateway: Gateway) -> None:
    error = await refused(gateway, Rule(do="refuse"))
    assert (str(error), error.final) == ("refused (HTTP 200): refused by the test", False)


async def test_no_answer_in_time(gateway: Gateway) -> None:
    error = await refused(gateway, Rule(do="hang"), timeout="200ms")
    assert (str(error), error.final) == ("no answer in time", False)


async def test_a_connection_closed_without_an_answer(gateway: Gateway) -> None:
    error = await refused(gateway, Rule(do="close"))
    assert str(error).startswith("the answer was lost")
    assert not error.final


async def test_an_answer_that_is_far_too_long_is_not_read(gateway: Gateway) -> None:
    error = await refused(gateway, Rule(do="answer", body='{"success": true}' + " " * 10_000_000))
    assert "not understood" in str(error)
    assert not error.final


async def test_an_answer_that_is_cut_off() -> None:
    answer = b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"success": true'
    async with raw_server(answer) as url, channel(url) as baileys:
        with pytest.raises(Refused, match="the answer was lost") as caught:
            await baileys.send(delivery())
    assert not caught.value.final


async def test_an_answer_that_is_no_http() -> None:
    async with raw_server(b"220 mail.example ESMTP\r\n") as url, channel(url) as baileys:
        with pytest.raises(Refused) as caught:
            await baileys.send(delivery())
    assert not caught.value.final


@asynccontextmanager
async def raw_server(answer: bytes) -> AsyncIterator[str]:
    """Answers whatever it is sent with these bytes, and closes."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"}")
        writer.write(answer)
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


# ------------------------------------------------------------------ connections


async def test_connections_are_kept_and_used_again(gateway: Gateway) -> None:
    async with channel(gateway.url) as baileys:
        for number in range(20):
            await baileys.send(delivery(key=f"k{number}"))
    assert len(gateway.accepted) == 20
    assert gateway.connections == 1


async def test_many_sends_at_once(gateway: Gateway) -> None:
    gateway.mode = Mode(delay=(0.05, 0.05))
    async with channel(gateway.url) as baileys:
        started = time.monotonic()
        receipts = await asyncio.gather(*(baileys.send(delivery(key=f"k{number}")) for number in range(150)))
    assert len({receipt.message_id for receipt in receipts}) == 150
    assert time.monotonic() - started < 3


def test_a_kept_connection_that_the_gateway_closed_is_not_written_to() -> None:
    """The loop was held up while the gateway went away: it cannot have heard of it yet."""

    async def scenario(gateway: GatewayProcess) -> None:
        async with channel(gateway.url) as baileys:
            await baileys.send(delivery(key="before"))
            gateway.down()  # blocks the loop
            with pytest.raises(Unreachable):
                await baileys.send(delivery(key="meanwhile"))
            gateway.up()
            await baileys.send(delivery(key="before"))
            gateway.down()
            gateway.up()
            await baileys.send(delivery(key="after"))

    with GatewayProcess() as gateway:
        asyncio.run(scenario(gateway))
        assert [post.key for post in gateway.log()] == ["before", "before", "after"]


async def test_a_send_that_is_cancelled_leaves_nothing_behind(gateway: Gateway) -> None:
    gateway.mode = Mode(rules=(Rule(do="hang", first=1),))
    async with channel(gateway.url) as baileys:
        sending = asyncio.ensure_future(baileys.send(delivery()))
        while not gateway.posts:  # noqa: ASYNC110 - it is seen from outside
            await asyncio.sleep(0.01)
        sending.cancel()
        await asyncio.wait([sending])
        assert await baileys.send(delivery()) == Receipt("OUT000002")


async def test_cookies_are_neither_kept_nor_sent_back(gateway: Gateway) -> None:
    body = {"success": True, "messageId": "A"}
    gateway.mode = Mode(rules=(Rule(do="answer", body=body, headers={"Set-Cookie": "a=b"}),))
    async with channel(gateway.url) as baileys:
        assert await baileys.send(delivery()) == Receipt("A")
        assert await baileys.send(delivery()) == Receipt("A")


async def test_a_send_outside_of_the_context_is_a_mistake() -> None:
    with pytest.raises(RuntimeError, match="async with"):
        await channel("http://127.0.0.1:1").send(delivery())
