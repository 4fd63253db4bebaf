"""A gateway that takes every POST at once: raw HTTP/1.1 over asyncio, so that it costs as little as it can.

    python -m benchmarks.gateway

prints its port, answers until its standard input is closed, then prints what it saw as one JSON line.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time

_LENGTH = re.compile(rb"content-length: *([0-9]+)", re.IGNORECASE)
_KEY = re.compile(rb'"idempotencyKey": *"([^"]+)"')


class _Seen:
    """What arrived. Times are of ``time.monotonic()``, which all processes of a machine share."""

    def __init__(self) -> None:
        self.posts = 0
        self.keys: set[bytes] = set()
        self.first = self.last = 0.0

    def note(self, body: bytes) -> int:
        self.posts += 1
        self.last = time.monotonic()
        self.first = self.first or self.last
        if key := _KEY.search(body):
            self.keys.add(key[1])
        return self.posts


class _Connection(asyncio.Protocol):
    def __init__(self, seen: _Seen) -> None:
        self._seen = seen
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            length = _LENGTH.search(self._buffer, 0, end)
            whole = end + 4 + (int(length[1]) if length else 0)
            if len(self._buffer) < whole:
                return
            body, self._buffer = self._buffer[end + 4 : whole], self._buffer[whole:]
            answer = b'{"success":true,"messageId":"OUT%d"}' % self._seen.note(body)
            head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(answer)
            self._transport.write(head + answer)


async def _main() -> None:
    seen = _Seen()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(seen), "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)
    server.close()
    told = {"posts": seen.posts, "keys": len(seen.keys), "seconds": seen.last - seen.first}
    print(json.dumps(told), flush=True)


if __name__ == "__main__":
    asyncio.run(_main())
