"""The HTTP client of the gateways: what an answer may look like, and when a connection is used again."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from shutil import which

import pytest

from auzap.channels.http import AnswerLost, CannotConnect, HttpClient, NoAnswer, Response

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Server:
    """Gives each request the next of its answers; remembers what came, by connection."""

    def __init__(self, *answers: bytes, close: bool = False) -> None:
        self._answers = list(answers)
        self._close = close
        self.url = ""
        self.requests: list[tuple[int, bytes]] = []
        self._connections = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections += 1
        number = self._connections
        while head := await _head(reader):
            length = next((int(line[15:]) for line in head.split(b"\r\n") if line.startswith(b"Content-Length")), 0)
            self.requests.append((number, head + await reader.readexactly(length)))
            writer.write(self._answers.pop(0) if self._answers else OK)
            if self._close:
                break
        writer.close()


async def _head(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return b""


@asynccontextmanager
async def server(*answers: bytes, close: bool = False, tls: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    running = Server(*answers, close=close)
    listening = await asyncio.start_server(running.serve, "127.0.0.1", 0, ssl=tls)
    port = listening.sockets[0].getsockname()[1]
    running.url = f"https://localhost:{port}" if tls else f"http://127.0.0.1:{port}"
    async with listening:
        yield running


@asynccontextmanager
async def client(url: str, *, timeout: float = 5, keep: float = 4) -> AsyncIterator[HttpClient]:
    opened = HttpClient(url, {"X-Of": "auzap"}, timeout=timeout, connect=timeout, keep=keep)
    try:
        yield opened
    finally:
        await opened.close()


async def test_what_is_sent() -> None:
    async with server() as gateway, client(f"{gateway.url}/base/") as http:
        assert await http.post("/send", b"{}") == Response(200, b"ok")
        assert await http.get("/") == Response(200, b"ok")
    host = gateway.url.removeprefix("http://").encode()
    assert gateway.requests == [
        (1, b"POST /base/send HTTP/1.1\r\nHost: %b\r\nX-Of: auzap\r\nContent-Length: 2\r\n\r\n{}" % host),
        (1, b"GET /base/ HTTP/1.1\r\nHost: %b\r\nX-Of: auzap\r\n\r\n" % host),
    ]


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n", b"abc"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", b""),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + OK, b"ok"),
    ],
)
async def test_an_answer_whose_end_is_told(answer: bytes, body: bytes) -> None:
    async with server(answer) as gateway, client(gateway.url) as http:
        assert (await http.post("/", b"")).body == body
        assert await http.post("/", b"") == Response(200, b"ok")
    assert [connection for connection, _ in gateway.requests] == [1, 1]


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.0 200 OK\r\n\r\n"])
async def test_an_answer_that_ends_with_its_connection(head: bytes) -> None:
    async with server(head + b"abc", close=True) as gateway, client(gateway.url) as http:
        assert await http.post("/", b"") == Response(200, b"abc")
        assert await http.post("/", b"") == Response(200, b"ok")
    assert [connection for connection, _ in gateway.requests] == [1, 2]


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        b"\x15\x03\x01\x00\x02\x02",
        b"",
    ],
)
async def test_an_answer_that_is_none(answer: bytes) -> None:
    async with server(answer, close=True) as gateway, client(gateway.url) as http:
        with pytest.raises(AnswerLost):
            await http.post("/", b"")
        assert await http.post("/", b"") == Response(200, b"ok")


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
        OK + b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nmore",
    ],
    ids=["told to", "more came than was asked for"],
)
async def test_when_a_connection_is_not_used_again(answer: bytes) -> None:
    async with server(answer) as gateway, client(gateway.url) as http:
        for _ in range(2):
            assert await http.post("/", b"") == Response(200, b"ok")
    assert [connection for connection, _ in gateway.requests] == [1, 2]


async def test_an_idle_connection_is_not_kept_for_long() -> None:
    async with server() as gateway, client(gateway.url, keep=0.05) as http:
        for wait in (0, 0.1, 0):
            await asyncio.sleep(wait)
            await http.post("/", b"")
    assert [connection for connection, _ in gateway.requests] == [1, 2, 2]


@pytest.mark.parametrize("size", [70_000, 400_000])
async def test_a_body_that_is_far_too_long_is_not_read(size: int) -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (size, b"x" * size)
    async with server(answer) as gateway, client(gateway.url) as http:
        assert await http.post("/", b"") == Response(200, b"")
        assert await http.post("/", b"") == Response(200, b"ok")
    assert [connection for connection, _ in gateway.requests] == [1, 2]


async def test_a_head_that_never_ends() -> None:
    async with server(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 100_000) as gateway, client(gateway.url) as http:
        with pytest.raises(AnswerLost, match="far too long"):
            await http.post("/", b"")


async def test_no_answer_in_time_and_what_comes_too_late_is_nobodys() -> None:
    async with server(b"", OK) as gateway, client(gateway.url, timeout=0.1) as http:
        with pytest.raises(NoAnswer):
            await http.post("/", b"")
        assert await http.post("/", b"") == Response(200, b"ok")
    assert [connection for connection, _ in gateway.requests] == [1, 2]


async def test_nobody_listens() -> None:
    async with server() as gateway:
        url = gateway.url
    async with client(url) as http:
        with pytest.raises(CannotConnect, match=r"^Connection refused$"):
            await http.post("/", b"")


async def test_a_connection_that_is_closed_at_once_is_none() -> None:
    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        async with client(f"http://127.0.0.1:{port}", timeout=5) as http:
            for _ in range(20):
                began = asyncio.get_running_loop().time()
                with pytest.raises((CannotConnect, AnswerLost)):
                    await http.get("/")
                assert asyncio.get_running_loop().time() - began < 2


@pytest.mark.parametrize("host", ["1.2.3", "127.1", "0x7f000001", "256.0.0.1", "2130706433"])
async def test_half_an_address_is_not_completed(host: str) -> None:
    async with client(f"http://{host}:9") as http:
        with pytest.raises(CannotConnect, match="is no address"):
            await http.post("/", b"")


@pytest.mark.skipif(which("openssl") is None, reason="openssl makes the certificate")
async def test_a_certificate_that_nobody_vouches_for(tmp_path: Path) -> None:
    async with server(tls=_self_signed(tmp_path)) as gateway, client(gateway.url) as http:
        with pytest.raises(CannotConnect, match=r"(?i)certificate"):
            await http.post("/", b"")


@pytest.mark.skipif(which("openssl") is None, reason="openssl makes the certificate")
async def test_tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tls = _self_signed(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
    async with server(tls=tls) as gateway, client(gateway.url) as http:
        for _ in range(2):
            assert await http.post("/", b"{}") == Response(200, b"ok")
    assert [connection for connection, _ in gateway.requests] == [1, 1]


def _self_signed(folder: Path) -> ssl.SSLContext:
    command: Sequence[str] = (
        *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"),
        *("-addext", "subjectAltName=DNS:localhost", "-keyout", "key.pem", "-out", "cert.pem"),
    )
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=60)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context
