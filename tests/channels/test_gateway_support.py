"""The tests' own gateway: what others conclude from its log must be so."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import aiohttp
import pytest

from tests.support.gateway import Gateway, GatewayProcess, Mode, Post, Rule


def body(key: str, text: str = "oi", to: str = "5511900000010@s.whatsapp.net") -> dict[str, str]:
    return {"organizationId": "abc123", "instanceId": "main", "to": to, "text": text, "idempotencyKey": key}


async def post(url: str, key: str, text: str = "oi") -> object:
    async with aiohttp.ClientSession() as session, session.post(f"{url}/send", json=body(key, text)) as response:
        return await response.json(content_type=None)


async def test_every_post_counts_also_one_of_the_same_key() -> None:
    async with Gateway() as gateway:
        before = time.monotonic()
        answers = [await post(gateway.url, key) for key in ("a", "b", "a")]
    assert answers == [{"success": True, "messageId": f"OUT{n:06d}"} for n in (1, 2, 3)]
    assert [row.key for row in gateway.accepted] == ["a", "b", "a"]
    times = [moment for row in gateway.posts for moment in (row.t, row.answered)]
    assert all(moment is not None and before <= moment <= time.monotonic() for moment in times)
    assert gateway.connections == 3


async def test_a_seed_says_which_posts_are_refused() -> None:
    async def outcomes(seed: int) -> list[str]:
        async with Gateway(Mode(refuse=0.3, seed=seed)) as gateway, aiohttp.ClientSession() as session:
            for number in range(200):
                async with session.post(f"{gateway.url}/send", json=body(str(number))) as response:
                    await response.read()
            return [row.outcome for row in gateway.posts]

    first = await outcomes(1)
    assert 30 < first.count("refused") < 90
    assert first == await outcomes(1)
    assert first != await outcomes(2)


async def test_rules_are_for_some_posts() -> None:
    rules = (
        Rule(do="refuse", first=1, text="^de novo"),
        Rule(do="answer", to="x", status=400, body={"success": False}),
    )
    async with Gateway(Mode(rules=rules)) as gateway:
        gateway.decide = lambda post: Rule(do="answer", body="raw") if post.key == "raw" else None
        assert await post(gateway.url, "a", "de novo") == {"success": False, "error": "refused by the test"}
        assert await post(gateway.url, "a", "de novo") == {"success": True, "messageId": "OUT000002"}
        with pytest.raises(ValueError, match="Expecting value"):
            await post(gateway.url, "raw")
    assert [row.outcome for row in gateway.posts] == ["refused", "accepted", "200"]


async def test_a_post_is_accepted_when_it_arrives_whoever_waits_for_the_answer() -> None:
    async with Gateway(Mode(delay=(0.2, 0.2))) as gateway:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(post(gateway.url, "a"), 0.1)
        assert [row.outcome for row in gateway.posts] == ["accepted"]
        await asyncio.sleep(0.3)
        assert gateway.posts[0].answered is None, "nobody was there to take it"


async def test_it_goes_down_at_once_and_comes_back_on_the_same_port() -> None:
    async with Gateway(Mode(rules=(Rule(do="hang", first=1),))) as gateway:
        port, hanging = gateway.port, asyncio.ensure_future(post(gateway.url, "a"))
        await asyncio.sleep(0.1)
        await gateway.down()
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await hanging
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=1)
        await gateway.up()
        assert gateway.port == port
        await post(gateway.url, "a")
        await gateway.wait_for(1)


@pytest.fixture
def process() -> Iterator[GatewayProcess]:
    with GatewayProcess(Mode(delay=(0.2, 0.2))) as running:
        yield running


def test_a_process_keeps_its_log_while_its_client_is_killed(process: GatewayProcess) -> None:
    client = subprocess.Popen([sys.executable, "-c", _client(process.url)])
    deadline = time.monotonic() + 20
    while not process.log() and time.monotonic() < deadline:
        time.sleep(0.01)
    client.kill()
    killed = time.monotonic()
    client.wait()
    time.sleep(0.3)
    (row,) = process.log()
    assert (row.key, row.outcome, row.answered) == ("a", "accepted", None)
    assert row.t < killed


def _client(url: str) -> str:
    return (
        "import json, urllib.request\n"
        f"request = urllib.request.Request({url + '/send'!r}, data=json.dumps({body('a')!r}).encode())\n"
        "urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request)\n"
    )


def test_a_process_is_told_how_to_behave(process: GatewayProcess) -> None:
    def send() -> None:
        subprocess.run([sys.executable, "-c", _client(process.url)], check=False, stderr=subprocess.DEVNULL)

    process.set(Mode(rules=(Rule(do="close", first=1),)))
    send()
    process.down()
    send()
    process.up()
    send()
    rows: list[Post] = process.log()
    assert [row.outcome for row in rows] == ["closed", "accepted"]
    assert process.accepted() == 1
    process.clear()
    assert process.log() == []
