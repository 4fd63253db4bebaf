"""The connection itself: what it sends and what it makes of what comes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from redis.exceptions import ConnectionError as Away
from redis.exceptions import NoScriptError, ResponseError

from auzap.queues.redis.location import location_of
from auzap.queues.redis.reaching import connected
from auzap.queues.redis.wire import Wire
from tests.support.redis_server import RedisServer, redis_server


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with redis_server(tmp_path / "redis") as server:
        yield server


@asynccontextmanager
async def wire_to(port: int) -> AsyncIterator[Wire]:
    _, wire = await asyncio.get_running_loop().create_connection(Wire, "127.0.0.1", port)
    try:
        yield wire
    finally:
        await wire.hang_up()


@asynccontextmanager
async def saying(*parts: bytes) -> AsyncIterator[int]:
    """A server that says this, a part at a time, whatever it is asked; gives its port."""

    over = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65536)
        for part in parts:
            writer.write(part)
            await asyncio.sleep(0.01)
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
        over.set()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as listening:
        yield listening.sockets[0].getsockname()[1]
        await over.wait()


async def test_what_goes_together_is_answered_in_order_and_a_refusal_is_one_of_the_answers(server: RedisServer) -> None:
    async with wire_to(server.port) as wire:
        long = b"x" * 3_000_000
        one, two, three, four = await wire.exchange(
            [("SET", "key", long), ("INCR", "key"), ("EVALSHA", "0" * 40, 0), ("GET", "key")]
        )

        assert (one, four == long) == (b"OK", True)
        assert isinstance(two, ResponseError)
        assert str(two) == "value is not an integer or out of range"
        assert isinstance(three, NoScriptError)
        assert await wire.ask("PING") == b"PONG"


async def test_an_answer_may_come_in_pieces() -> None:
    async with saying(b"*2\r\n$3\r\nab", b"c\r\n:7", b"\r\n") as port, wire_to(port) as wire:
        assert await wire.ask("ANY") == [b"abc", 7]


async def test_an_answer_that_nobody_waits_for_ends_the_connection() -> None:
    async with saying(b"+OK\r\n", b"+ANOTHER\r\n", b"") as port, wire_to(port) as wire:
        assert await wire.ask("ANY") == b"OK"
        await asyncio.sleep(0.05)

        assert not wire.is_fresh
        with pytest.raises(Away):
            await wire.ask("ANY")


@pytest.mark.parametrize("said", [b"+OK", b"HTTP/1.1 400 Bad Request\r\n\r\n", b""])
async def test_half_an_answer_or_none_is_a_lost_connection(said: bytes) -> None:
    async with saying(said) as port, wire_to(port) as wire:
        with pytest.raises(Away):
            await wire.ask("ANY")


async def test_an_answer_that_does_not_come_in_time_is_told(server: RedisServer) -> None:
    async with wire_to(server.port) as wire:
        with pytest.raises(TimeoutError):
            await wire.exchange([("BLPOP", "nothing", 5)], seconds=0.05)


async def test_a_user_may_have_no_password(server: RedisServer, tmp_path: Path) -> None:
    server.cli("ACL", "SETUSER", "ana", "on", "nopass", "~*", "+@all")

    async with connected(location_of(f"redis://ana@127.0.0.1:{server.port}/2", tmp_path)) as wire:
        assert await wire.ask("ACL", "WHOAMI") == b"ana"
        assert b" db=2 " in await wire.ask("CLIENT", "INFO")
