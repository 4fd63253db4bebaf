"""A real HTTP server on the loopback interface, for plugins that call somebody."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import sleep
from typing import Any
from urllib.parse import parse_qs, urlsplit

__all__ = ["Served", "Server", "serving"]

_LOOK = 0.01


@dataclass(frozen=True, slots=True)
class Served:
    """A request that came.

    :param query: name -> its values.
    """

    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, as JSON says it."""
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    body: bytes
    kind: str
    delay: float


class Server:
    """Answers what it was told to, and keeps what it was asked; 404 to everything else."""

    def __init__(self, url: str) -> None:
        #: such as ``http://127.0.0.1:41234``
        self.url = url
        #: in the order in which they came
        self.requests: list[Served] = []
        self._answers: dict[str, _Answer] = {}

    def answers(
        self, path: str, json: Any = None, *, text: str | None = None, status: int = 200, delay: float = 0.0
    ) -> None:
        """From now on.

        :param path: of all methods, such as ``/customers``.
        :param json: the body; or ``text``.
        :param delay: seconds, real ones, until it answers.
        """
        body, kind = (text.encode(), "text/plain; charset=utf-8") if text is not None else (_dumped(json), _JSON)
        self._answers[path] = _Answer(status, body, kind, delay)

    def take(self, request: Served) -> _Answer:
        """Note a request, and say what is answered: for the server itself."""
        self.requests.append(request)
        return self._answers.get(request.path, _NOT_FOUND)


_JSON = "application/json"
_NOT_FOUND = _Answer(404, b"", "text/plain", 0.0)


def _dumped(value: Any) -> bytes:
    return json.dumps(value).encode()


@contextmanager
def serving() -> Iterator[Server]:
    """One on a free port, until the end of the ``with``."""
    handler = type("Handler", (_Handler,), {})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as http:
        server = handler.server_ = Server(f"http://127.0.0.1:{http.server_address[1]}")  # type: ignore[attr-defined]
        thread = threading.Thread(target=http.serve_forever, args=(_LOOK,), name="bot-web", daemon=True)
        thread.start()
        try:
            yield server
        finally:
            http.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    #: connections that are kept end with the test
    timeout = 5
    server_: Server

    def _handle(self) -> None:
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        request = Served(self.command, parts.path, parse_qs(parts.query), dict(self.headers.items()), body)
        answer = self.server_.take(request)
        sleep(answer.delay)
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.kind)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _handle  # noqa: N815 - as http.server looks for them

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """The test has ``requests``."""
