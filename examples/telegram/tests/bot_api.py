"""Telegram's Bot API, as far as the channel uses it, on the loopback interface."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

__all__ = ["TOKEN", "BotApi", "serving", "update"]

TOKEN = "123:ABC"


@dataclass
class BotApi:
    """What the server knows."""

    url: str = ""
    #: until a later one is asked for
    updates: list[dict[str, Any]] = field(default_factory=list)
    sent: list[dict[str, Any]] = field(default_factory=list)
    #: what the next sends are answered with, and not taken
    refusals: list[tuple[int, str]] = field(default_factory=list)

    def call(self, method: str, arguments: dict[str, Any]) -> tuple[int, Any]:
        """Status, and the result or what is wrong."""
        if method == "getMe":
            return 200, {"id": 1, "is_bot": True}
        if method == "getUpdates":
            return 200, self._poll(arguments["offset"], arguments["timeout"])
        if self.refusals:
            return self.refusals.pop(0)
        self.sent.append(arguments)
        return 200, {"message_id": 100 + len(self.sent)}

    def _poll(self, offset: int, timeout: float) -> list[dict[str, Any]]:
        self.updates = [one for one in self.updates if one["update_id"] >= offset]
        until = time.monotonic() + max(timeout, 0.02)
        while not self.updates and time.monotonic() < until:
            time.sleep(0.01)
        return list(self.updates)


def update(number: int, text: str, *, chat: int = 777, **message: Any) -> dict[str, Any]:
    """A new message of somebody."""
    sender = {"id": chat, "is_bot": False, "first_name": "Ana"}
    written = {"message_id": number, "from": sender, "chat": {"id": chat, "type": "private"}, "date": int(time.time())}
    return {"update_id": number, "message": {**written, "text": text, **message}}


@contextmanager
def serving() -> Iterator[BotApi]:
    api = BotApi()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 5

        def do_POST(self) -> None:
            arguments = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            token, _, method = self.path.removeprefix("/bot").partition("/")
            status, result = api.call(method, arguments) if token == TOKEN else (401, "Unauthorized")
            answer = {"ok": True, "result": result} if status == 200 else {"ok": False, "description": result}
            body = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with suppress(OSError):  # whoever polled has gone
                self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        api.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield api
        finally:
            server.shutdown()
            thread.join()
