"""A small HTTP client for gateways: one host, connections kept open, nothing repeated, nothing followed.

A send is most of what a channel does, and a client that can do everything spends several times as much on it. What is
parsed is parsed by llhttp.
"""

from __future__ import annotations

import asyncio
import ipaddress
import os
import re
import select
import ssl
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

import httptools

__all__ = ["AnswerLost", "CannotConnect", "HttpClient", "NoAnswer", "Response"]

#: bytes of an answer's body, and of an answer in all, that are read
_MOST_BODY, _MOST = 65_536, 262_144
_DEFAULT_PORTS = {"http": 80, "https": 443}
#: a name that ends like this is an address, whole and right, or nobody's: the system would guess the missing parts
_NUMERIC = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)\.?", re.IGNORECASE)
#: seconds until the next address of a host is tried beside the first (RFC 8305)
_NEXT_ADDRESS = 0.25


class CannotConnect(Exception):
    """There is no connection: nothing left."""


class NoAnswer(Exception):
    """None in time: whether it was taken is not known."""


class AnswerLost(Exception):
    """The connection ended before the answer did, or what came is no HTTP: whether it was taken is not known."""


class Response(NamedTuple):
    status: int
    body: bytes


class HttpClient:
    """
    :param url: ``http`` or ``https``; its path goes before that of each request.
    :param headers: sent with every request; ASCII.
    :param timeout: seconds for a whole request, connecting included.
    :param connect: seconds of them for connecting.
    :param keep: seconds for which an idle connection is kept.
    """

    def __init__(self, url: str, headers: Mapping[str, str], *, timeout: float, connect: float, keep: float) -> None:
        parts = urlsplit(url)
        scheme = parts.scheme.lower()
        self._host = (parts.hostname or "").encode("idna").decode("ascii")
        self._port = parts.port or _DEFAULT_PORTS[scheme]
        self._secure = scheme == "https"
        self._path = parts.path.rstrip("/")
        named = f"[{self._host}]" if ":" in self._host else self._host
        host = named if self._port == _DEFAULT_PORTS[scheme] else f"{named}:{self._port}"
        self._headers = "".join(f"{name}: {value}\r\n" for name, value in {"Host": host, **headers}.items())
        self._posts: dict[str, bytes] = {}
        self._timeout = timeout
        self._connect = connect
        self._keep = keep
        self._tls: ssl.SSLContext | None = None
        self._idle: list[_Connection] = []
        self._open: set[_Connection] = set()

    async def post(self, path: str, body: bytes) -> Response:
        """:raises CannotConnect, NoAnswer, AnswerLost: see there."""
        head = self._posts.get(path)
        if head is None:
            head = self._posts[path] = f"POST {self._path}{path} HTTP/1.1\r\n{self._headers}Content-Length: ".encode()
        return await self._ask(b"%b%d\r\n\r\n%b" % (head, len(body), body))

    async def get(self, path: str) -> Response:
        """:raises CannotConnect, NoAnswer, AnswerLost: see there."""
        return await self._ask(f"GET {self._path}{path} HTTP/1.1\r\n{self._headers}\r\n".encode())

    async def close(self) -> None:
        for connection in list(self._open):
            connection.close()
        if self._open:
            await asyncio.wait([connection.closed for connection in self._open], timeout=self._connect)

    # ------------------------------------------------------------------ inside

    async def _ask(self, request: bytes) -> Response:
        connection, left = self._pooled(), self._timeout
        if connection is None:
            began = time.monotonic()
            connection = await self._connected()
            left -= time.monotonic() - began
        try:
            response = await connection.ask(request, left)
        except BaseException:
            connection.close()  # an answer may still come: it would be taken for the next one's
            raise
        if connection.may_stay:
            connection.idle_since = time.monotonic()
            self._idle.append(connection)
        else:
            connection.close()
        return response

    def _pooled(self) -> _Connection | None:
        """The one that was used last; the others may grow old."""
        while self._idle:
            connection = self._idle.pop()
            if connection.is_fresh(self._keep):
                return connection
            connection.close()
        return None

    async def _connected(self) -> _Connection:
        if _NUMERIC.fullmatch(self._host) and not _is_address(self._host):
            raise CannotConnect(f"{self._host} is no address")
        try:
            async with asyncio.timeout(min(self._connect, self._timeout)):
                _, connection = await asyncio.get_running_loop().create_connection(
                    lambda: _Connection(self._forget),
                    self._host,
                    self._port,
                    ssl=self._trust() if self._secure else None,
                    happy_eyeballs_delay=_NEXT_ADDRESS,
                )
        except TimeoutError as error:
            raise CannotConnect("no connection in time") from error
        except (OSError, UnicodeError) as error:
            raise CannotConnect(_told(error)) from error
        if connection.closed.done():  # it was lost before anybody asked: nobody would be told
            raise CannotConnect("the connection was closed")
        self._open.add(connection)
        return connection

    def _trust(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = ssl.create_default_context()
        return self._tls

    def _forget(self, connection: _Connection) -> None:
        self._open.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)


class _Connection(asyncio.Protocol):
    """One connection; one request at a time.

    :param forget: told when it is closed.
    """

    def __init__(self, forget: Callable[[_Connection], None]) -> None:
        self._forget = forget
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpResponseParser(self)
        self._waiting: asyncio.Future[Response] | None = None
        self._read = 0
        self._body = b""
        #: of the answer's body the end is told, by its length or by its form
        self._bounded = False
        self._headed = False
        self._keeps = False
        self.closed: asyncio.Future[None] = self._loop.create_future()
        self.idle_since = 0.0
        #: another request may be sent
        self.may_stay = False

    async def ask(self, request: bytes, seconds: float) -> Response:
        self._waiting = self._loop.create_future()
        self.may_stay, self._headed, self._read = False, False, 0
        self._transport.write(request)
        late = self._loop.call_later(seconds, self._fail, NoAnswer("no answer in time"))
        try:
            return await self._waiting
        finally:
            late.cancel()
            self._waiting = None

    def is_fresh(self, keep: float) -> bool:
        """Whether it may be written to: nothing came on it, also nothing that the loop has not heard of yet.

        What is written to a connection that was just closed cannot be told from what lost its answer.
        """
        fresh = not self._transport.is_closing() and time.monotonic() - self.idle_since < keep
        return fresh and not self._readable.poll(0)

    def close(self) -> None:
        self._transport.abort()

    # ------------------------------------------------------------------ told by the loop

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - a stream
        self._transport = transport
        self._readable = select.poll()
        self._readable.register(transport.get_extra_info("socket").fileno(), select.POLLIN)

    def data_received(self, data: bytes) -> None:
        self._read += len(data)
        if self._waiting is None or self._read > _MOST:
            self._fail(AnswerLost("the answer is far too long"))
            self.close()
            return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._fail(AnswerLost(f"no HTTP: {error}"))
            self.close()

    def connection_lost(self, error: Exception | None) -> None:
        if error is None and self._headed and not self._bounded:
            self._done()
        self._fail(AnswerLost("the connection was closed" if error is None else _told(error)))
        self.may_stay = False
        self.closed.set_result(None)
        self._forget(self)

    # ------------------------------------------------------------------ told by the parser

    def on_message_begin(self) -> None:
        self._body, self._bounded, self._headed = b"", False, False

    def on_header(self, name: bytes, value: bytes) -> None:
        if len(name) in (14, 17) and name.lower() in (b"content-length", b"transfer-encoding"):
            self._bounded = True

    def on_headers_complete(self) -> None:
        self._headed, self._keeps = True, self._parser.should_keep_alive()

    def on_body(self, part: bytes) -> None:
        self._body += part
        if len(self._body) > _MOST_BODY:  # nobody who answers as agreed; the rest is not read
            self._body, self._keeps = b"", False
            self._done()

    def on_message_complete(self) -> None:
        if self._parser.get_status_code() >= 200:
            self._done()
        else:
            self._headed = False  # the answer itself follows

    # ------------------------------------------------------------------ who asked is told

    def _done(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self.may_stay = self._keeps and not self._transport.is_closing()
            self._waiting.set_result(Response(self._parser.get_status_code(), self._body))
        else:
            self.may_stay = False  # an answer to nothing

    def _fail(self, error: Exception) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(error)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _told(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return error.reason or str(error)
    if isinstance(error, OSError) and error.errno is not None:
        return os.strerror(error.errno) if error.errno > 0 else str(error.strerror)
    return str(error) or type(error).__name__
