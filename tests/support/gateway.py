"""A Baileys gateway for tests: a real HTTP server that notes every POST to /send and never deduplicates.

In a test's own loop::

    async with Gateway(Mode(refuse=0.05)) as gateway:
        ... gateway.url, gateway.posts, gateway.mode = Mode(...), await gateway.down(), await gateway.up()

As a process of its own, readable while the worker under test is killed::

    with GatewayProcess(Mode(delay=(0, 0.03))) as gateway:
        ... gateway.url, gateway.log(), gateway.set(Mode(...)), gateway.down(), gateway.up()

or ``python -m tests.support.gateway --port 0 --control 0``, which prints its two addresses as one JSON line. On the
control address ``GET /log`` gives the rows, ``GET /count`` how many were accepted, ``POST /mode`` takes a ``Mode`` as
JSON, ``POST /down`` and ``POST /up`` switch the gateway off and on (the same port), ``POST /clear`` empties the log.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import random
import re
import subprocess
import sys
import time
import urllib.request
import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from aiohttp import web

__all__ = ["Gateway", "GatewayProcess", "Mode", "Post", "Rule"]

Does = Literal["accept", "refuse", "hang", "close", "answer"]
_ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What to do with some of the POSTs; the first rule that fits decides.

    ``close`` closes the connection without an answer, ``answer`` sends ``status`` and ``body`` as they are.
    """

    do: Does
    #: a regular expression found in the text
    text: str | None = None
    to: str | None = None
    instance: str | None = None
    #: only the first so many POSTs of a key
    first: int | None = None
    status: int = 200
    #: JSON, or the raw text when it is a text
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)

    def fits(self, post: Post, nth: int) -> bool:
        return (
            (self.text is None or re.search(self.text, post.text) is not None)
            and (self.to is None or self.to == post.to)
            and (self.instance is None or self.instance == post.instance)
            and (self.first is None or nth <= self.first)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Mode:
    """How the gateway behaves."""

    #: seconds, from and to, before each answer
    delay: tuple[float, float] = (0, 0)
    #: the share of POSTs answered ``{"success": false}``; which ones depends on ``seed``, key and attempt alone
    refuse: float = 0
    #: the share of POSTs that are never answered, drawn as those
    hang: float = 0
    seed: int = 0
    rules: tuple[Rule, ...] = ()

    @classmethod
    def from_json(cls, given: dict[str, Any]) -> Self:
        rules = tuple(Rule(**rule) for rule in given.pop("rules", ()))
        delay = tuple(given.pop("delay", (0, 0)))
        return cls(**given, delay=(delay[0], delay[1]), rules=rules)


@dataclass(slots=True, kw_only=True)
class Post:
    """One POST as it arrived. Times are of ``time.monotonic()``, which all processes of a machine share."""

    t: float
    key: str
    to: str
    text: str
    organization: str
    instance: str
    authorization: str | None
    #: ``accepted`` (from its arrival on, whether or not the answer gets through), ``refused``, ``hung``, ``closed``,
    #: or the status of an ``answer``
    outcome: str
    message_id: str | None = None
    #: when the answer was written to a connection that was still open
    answered: float | None = None


class Gateway:
    """The server, in the loop of the test."""

    def __init__(self, mode: Mode | None = None, *, port: int = 0) -> None:
        self.mode = mode or Mode()
        self.port = port
        #: every POST, in the order of arrival
        self.posts: list[Post] = []
        #: decides before the mode does, where it returns a rule
        self.decide: Callable[[Post], Rule | None] = lambda post: None
        self._of_key: Counter[str] = Counter()
        self._random = random.Random()
        self._runner: web.ServerRunner | None = None
        self._peers: set[tuple[str, int]] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def accepted(self) -> list[Post]:
        return [post for post in self.posts if post.outcome == "accepted"]

    @property
    def connections(self) -> int:
        """How many connections brought a request so far."""
        return len(self._peers)

    async def __aenter__(self) -> Self:
        await self.up()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.down()

    async def up(self) -> None:
        """Listen, on the same port as before."""
        if self._runner is None:
            # as Node, so that what is shown here holds there
            server = web.Server(self._serve, access_log=None, keepalive_timeout=5)
            self._runner = web.ServerRunner(server, shutdown_timeout=0.01)
            await self._runner.setup()
            site = web.TCPSite(self._runner, "127.0.0.1", self.port, backlog=1024)
            await site.start()
            self.port = self._runner.addresses[0][1]

    async def down(self) -> None:
        """Refuse connections, and break those that are open."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    def clear(self) -> None:
        self.posts.clear()
        self._of_key.clear()

    async def wait_for(self, accepted: int, *, timeout: float = 30) -> None:
        async with asyncio.timeout(timeout):
            while len(self.accepted) < accepted:  # noqa: ASYNC110 - the condition is counted from outside
                await asyncio.sleep(0.01)

    # ------------------------------------------------------------------ a request

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        arrived = time.monotonic()
        self._peers.add(request.get_extra_info("peername"))
        if request.method != "POST" or request.path != "/send":
            return web.json_response({"success": False, "error": "no such path"}, status=404)
        post = _post(arrived, await request.json(), request.headers.get("Authorization"))
        self.posts.append(post)
        self._of_key[post.key] += 1
        rule = self.decide(post) or self._by_mode(post, self._of_key[post.key])
        return await self._act(rule, post, request)

    def _by_mode(self, post: Post, nth: int) -> Rule:
        for rule in self.mode.rules:
            if rule.fits(post, nth):
                return rule
        drawn = zlib.crc32(f"{self.mode.seed}/{post.key}/{nth}".encode()) / 2**32
        if drawn < self.mode.refuse:
            return Rule(do="refuse")
        return Rule(do="hang" if drawn < self.mode.refuse + self.mode.hang else "accept")

    async def _act(self, rule: Rule, post: Post, request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse() if rule.do in ("hang", "close") else self._response(rule, post)
        low, high = self.mode.delay
        if high > 0:
            await asyncio.sleep(self._random.uniform(low, high))
        if rule.do == "hang":
            post.outcome = "hung"
            await asyncio.Event().wait()
        if rule.do == "close":
            post.outcome = "closed"
            request.protocol.force_close()
            if request.transport is not None:
                request.transport.close()
        elif request.transport is not None and not request.transport.is_closing():
            post.answered = time.monotonic()
        return response

    def _response(self, rule: Rule, post: Post) -> web.Response:
        if rule.do == "answer":
            post.outcome = str(rule.status)
            body = rule.body if isinstance(rule.body, str) else json.dumps(rule.body)
            return web.Response(status=rule.status, text=body, headers=rule.headers)
        if rule.do == "refuse":
            post.outcome = "refused"
            return web.json_response({"success": False, "error": "refused by the test"})
        post.outcome = "accepted"
        post.message_id = f"OUT{len(self.posts):06d}"
        return web.json_response({"success": True, "messageId": post.message_id})


def _post(arrived: float, body: dict[str, Any], authorization: str | None) -> Post:
    return Post(
        t=arrived,
        key=body["idempotencyKey"],
        to=body["to"],
        text=body["text"],
        organization=body["organizationId"],
        instance=body["instanceId"],
        authorization=authorization,
        outcome="arrived",
    )


# ---------------------------------------------------------------------- a process of its own


class GatewayProcess:
    """The server in a process of its own; every call here blocks."""

    def __init__(self, mode: Mode | None = None) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.gateway"], cwd=_ROOT, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        told = json.loads(self._process.stdout.readline())
        self.url: str = told["url"]
        self._control: str = told["control"]
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        if mode is not None:
            self.set(mode)

    def set(self, mode: Mode) -> None:
        self._call("/mode", json.dumps(asdict(mode)).encode())

    def log(self) -> list[Post]:
        """Every POST so far, in the order of arrival."""
        return [Post(**row) for row in self._call("/log")]

    def accepted(self) -> int:
        """How many POSTs were accepted so far."""
        count: int = self._call("/count")
        return count

    def down(self) -> None:
        self._call("/down", b"")

    def up(self) -> None:
        self._call("/up", b"")

    def clear(self) -> None:
        self._call("/clear", b"")

    def close(self) -> None:
        self._process.terminate()
        self._process.communicate(timeout=10)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _call(self, path: str, body: bytes | None = None) -> Any:
        request = urllib.request.Request(self._control + path, data=body)
        with self._opener.open(request, timeout=30) as answer:
            return json.load(answer)


def _control(gateway: Gateway) -> web.Server:
    async def serve(request: web.BaseRequest) -> web.StreamResponse:
        match request.path:
            case "/log":
                return web.json_response([asdict(post) for post in gateway.posts])
            case "/count":
                return web.json_response(len(gateway.accepted))
            case "/mode":
                gateway.mode = Mode.from_json(await request.json())
            case "/down":
                await gateway.down()
            case "/up":
                await gateway.up()
            case "/clear":
                gateway.clear()
            case _:
                return web.json_response({}, status=404)
        return web.json_response({})

    return web.Server(serve, access_log=None)


async def _main(port: int, control: int) -> None:
    async with Gateway(port=port) as gateway:
        runner = web.ServerRunner(_control(gateway), shutdown_timeout=0.01, handle_signals=True)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", control).start()
        print(json.dumps({"url": gateway.url, "control": f"http://127.0.0.1:{runner.addresses[0][1]}"}), flush=True)
        try:
            await asyncio.Event().wait()
        finally:
            await runner.cleanup()


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--control", type=int, default=0)
    given = parser.parse_args(arguments)
    with contextlib.suppress(web.GracefulExit):
        asyncio.run(_main(given.port, given.control))


if __name__ == "__main__":
    main()
