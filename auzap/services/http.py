"""HTTP clients for plugins: the connections are one pool for all tenants, everything else is each plugin's own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import anyio
import httpx

__all__ = ["HttpPool"]

#: seconds; a plugin's deadline ends a call in any case
_TIMEOUT = 10.0
_LIMITS = httpx.Limits(max_connections=500, max_keepalive_connections=50)
#: requests of one client that are under way at a time: more of them wait, so that nobody has all connections
_EACH = 20


class HttpPool:
    """Connections of the whole process.

    :param each: requests of one client that are under way at a time.
    """

    def __init__(self, *, each: int = _EACH) -> None:
        self._transport = httpx.AsyncHTTPTransport(limits=_LIMITS)
        self._each = each

    def client(self) -> httpx.AsyncClient:
        """One with cookies and headers of its own. It holds nothing open: closing it closes no connection."""
        return httpx.AsyncClient(transport=_Lent(self._transport, self._each), timeout=_TIMEOUT, trust_env=False)

    async def aclose(self) -> None:
        await self._transport.aclose()


class _Lent(httpx.AsyncBaseTransport):
    """Somebody else's transport, which is not closed with the client."""

    def __init__(self, transport: httpx.AsyncBaseTransport, most: int) -> None:
        self._transport = transport
        self._places = anyio.Semaphore(most)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await self._take_place(request)
        try:
            response = await self._transport.handle_async_request(request)
        except BaseException:
            self._places.release()
            raise
        assert isinstance(response.stream, httpx.AsyncByteStream)  # noqa: S101 - of an asynchronous transport
        response.stream = _Counted(response.stream, self._places.release)
        return response

    async def _take_place(self, request: httpx.Request) -> None:
        """:raises httpx.PoolTimeout: none was free in time."""
        with anyio.move_on_after(request.extensions.get("timeout", {}).get("pool")):
            await self._places.acquire()
            return
        raise httpx.PoolTimeout("too many requests of this plugin are under way", request=request)


class _Counted(httpx.AsyncByteStream):
    """The body of an answer; its connection is in use until it is closed."""

    def __init__(self, stream: httpx.AsyncByteStream, release: Callable[[], object]) -> None:
        self._stream = stream
        self._release: Callable[[], object] | None = release

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._stream:
            yield part

    async def aclose(self) -> None:
        release, self._release = self._release, None
        try:
            await self._stream.aclose()
        finally:
            if release is not None:
                release()
