"""A connection to a Redis server: commands leave in one write, their answers are parsed as they come.

redis-py reads through a stream, a task and a time limit for each answer; a lease or an ack costs less than that.
"""

from __future__ import annotations

import asyncio
import select
from collections.abc import Sequence
from typing import Any, Final

from hiredis import Reader, pack_command
from redis.exceptions import AuthenticationError, NoScriptError, RedisError, ResponseError
from redis.exceptions import ConnectionError as Away

__all__ = ["Command", "Wire"]

Command = Sequence[bytes | str | int | float]

#: seconds that a server may take to say good-bye
_GOODBYE: Final = 1.0


class Wire(asyncio.Protocol):
    """For one at a time. Made by ``loop.create_connection``."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._parser = Reader(protocolError=Away, replyError=_error)
        self._waiting: asyncio.Future[list[Any]] | None = None
        #: of who waits: what has come, and how many answers there will be
        self._answers: list[Any] = []
        self._expected = 0
        self._closed: asyncio.Future[None] = self._loop.create_future()

    async def ask(self, *command: bytes | str | int | float) -> Any:
        """:raises ResponseError: the server refuses it."""
        (answer,) = await self.exchange([command])
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def exchange(self, commands: Sequence[Command], *, seconds: float | None = None) -> list[Any]:
        """Their answers; what the server refuses is an error among them.

        :raises TimeoutError: they have not all come in time.
        :raises ConnectionError: the connection has ended. (redis-py's)
        """
        if self._closed.done():
            raise Away("the connection was closed")
        self._waiting = self._loop.create_future()
        self._answers, self._expected = [], len(commands)
        self._transport.write(b"".join(map(_packed, commands)))
        late = self._loop.call_later(seconds, self._fail, TimeoutError()) if seconds is not None else None
        try:
            return await self._waiting
        finally:
            self._waiting = None
            if late is not None:
                late.cancel()

    @property
    def is_fresh(self) -> bool:
        """Whether it may be written to: nothing came on it, also nothing that the loop has not heard of yet."""
        return not (self._closed.done() or self._transport.is_closing() or self._readable.poll(0))

    async def hang_up(self) -> None:
        """Wait until it is closed: over TLS both sides say so. One that does not answer any more is left behind."""
        self._transport.close()
        await asyncio.wait([self._closed], timeout=_GOODBYE)
        self._transport.abort()

    # ------------------------------------------------------------------ told by the loop

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - a stream
        self._transport = transport
        self._readable = select.poll()
        self._readable.register(transport.get_extra_info("socket").fileno(), select.POLLIN)

    def data_received(self, data: bytes) -> None:
        if self._waiting is None:  # an answer that nobody waits for: the next one would be taken for another's
            self._transport.abort()
            return
        try:
            self._parser.feed(data)
            while len(self._answers) < self._expected and (answer := self._parser.gets()) is not False:
                self._answers.append(answer)
        except Away as error:
            self._fail(error)
            self._transport.abort()
            return
        if len(self._answers) == self._expected and not self._waiting.done():
            self._waiting.set_result(self._answers)

    def connection_lost(self, error: Exception | None) -> None:
        self._fail(error if isinstance(error, OSError) else Away("Connection closed by server."))
        if not self._closed.done():
            self._closed.set_result(None)

    def _fail(self, error: Exception) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(error)


def _packed(command: Command) -> bytes:
    packed: bytes = pack_command(tuple(command))  # type: ignore[arg-type]  # its stub says: a tuple of one
    return packed


def _error(text: str) -> RedisError:
    """As the server says it, its code first."""
    if text.startswith("NOSCRIPT"):
        return NoScriptError(text)
    plain = text.removeprefix("ERR ")
    return AuthenticationError(plain) if plain.startswith("AUTH ") else ResponseError(plain)
