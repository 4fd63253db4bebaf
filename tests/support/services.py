"""Services of plugins, a clock to be put forward, and a server to be asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import anyio

from auzap.contract.plugin import TenantInfo
from auzap.contract.services import Services
from auzap.hooks import Own
from auzap.services import Kit

__all__ = ["Ahead", "Site", "services_of"]


class Ahead:
    """A clock that can be put forward."""

    def __init__(self) -> None:
        self.by = timedelta(0)

    def set(self, to: datetime) -> None:
        self.by = to - datetime.now(UTC)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.by


def services_of(
    kit: Kit,
    tenant: str = "a",
    *,
    plugin: str = "vendas",
    timezone: str = "America/Sao_Paulo",
    instances: tuple[str, ...] = ("main",),
    version: str = "0123456789ab",
) -> Services:
    info = TenantInfo(tenant, f"Loja {tenant}", timezone)
    return kit.services(info, plugin, version=version, instances=instances, hooks=Own(plugin))


class Site:
    """A small HTTP server: counts connections, notes what it was asked, and gives everybody a cookie."""

    def __init__(self) -> None:
        self.url = ""
        self.connections = 0
        #: under way
        self.open = 0
        self.most_open = 0
        #: of each request its lines, in small letters
        self.heard: list[list[str]] = []
        #: answers wait for it
        self.gate = asyncio.Event()
        self.gate.set()
        self._begun = anyio.Event()

    @classmethod
    @asynccontextmanager
    async def start(cls) -> AsyncIterator[Site]:
        site = cls()
        server = await asyncio.start_server(site._serve, "127.0.0.1", 0)
        site.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield site
        finally:
            server.close()

    async def has_open(self, requests: int) -> None:
        """Wait until so many are under way."""
        with anyio.fail_after(20):
            while self.open < requests:
                await self._begun.wait()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                self.heard.append(head.decode().lower().split("\r\n"))
                self.open += 1
                self._begun.set()
                self._begun = anyio.Event()
                self.most_open = max(self.open, self.most_open)
                await self.gate.wait()
                self.open -= 1
                name = f"n{len(self.heard)}"
                writer.write(f"HTTP/1.1 200 OK\r\nSet-Cookie: who={name}\r\nContent-Length: 2\r\n\r\nok".encode())
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()
