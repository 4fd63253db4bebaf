"""A gateway that takes every POST at once: raw HTTP/1.1 over asyncio, so that it costs as little as it can.

    python -m benchmarks.gateway

prints its port, prints ``first`` when somebody has posted, answers until its standard input is closed, then prints
what it saw as one JSON line: ``{"keys", "arrivals": [[number in the text, time], …]}``.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time

_LENGTH = re.compile(rb"content-length: *([0-9]+)", re.IGNORECASE)
_KEY = re.compile(rb'"idempotencyKey": *"([^"]+)"')
_NUMBER = re.compile(rb"#([0-9]+) ")


class _Seen:
    """What arrived. Times are of ``time.monotonic()``, which all processes of a machine share."""

    def __init__(self) -> None:
        self._posts: list[tuple[float, bytes]] = []

    def note(self, body: bytes) -> int:
        self._posts.append((time.monotonic(), body))
        if len(self._posts) == 1:
            print("first", flush=True)
        return len(self._posts)

    def told(self) -> str:
        keys = {key[1] for _, body in self._posts if (key := _KEY.search(body))}
        numbers = [(_NUMBER.search(body), at) for at, body in self._posts]
        return json.dumps(
            {"keys": len(keys), "arrivals": [(int(number[1]) if number else None, at) for number, at in numbers]}
        )


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
    print(seen.told(), flush=True)


if __name__ == "__main__":
    asyncio.run(_main())
