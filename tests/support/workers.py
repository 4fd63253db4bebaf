"""Workers as processes: started, waited for, and ended whatever happens."""

from __future__ import annotations

import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import anyio

from tests.support.gateway import Gateway, Mode, Rule
from tests.support.house import ROOT, House, job, message

__all__ = ["WATCHED", "Everything", "begun", "end_leases", "ended", "until", "working"]

#: a worker whose watchdog has a limit of its own; its argument is seconds
WATCHED = ROOT / "tests" / "support" / "watched.py"


@contextmanager
def working(*processes: subprocess.Popen[bytes]) -> Iterator[None]:
    """Kills those that are still there at the end."""
    try:
        yield
    finally:
        for process in processes:
            if process.poll() is None:
                process.kill()
            process.wait()


async def ended(process: subprocess.Popen[bytes], *, within: float = 60) -> int:
    """Its exit code."""
    await until(lambda: process.poll() is not None, within=within, what="the worker to end")
    assert process.returncode is not None
    return process.returncode


async def until(done: Callable[[], bool], *, within: float = 60, what: str = "what should happen") -> None:
    """Wait for what happens elsewhere."""
    deadline = time.monotonic() + within
    while not done():
        assert time.monotonic() < deadline, f"waited {within} s for {what}"
        await anyio.sleep(0.02)


def begun(house: House, turns: int) -> Callable[[], bool]:
    """Whether so many turns came to their handlers."""
    return lambda: sum(line["event"] == "Message stored" for line in house.log()) >= turns


def end_leases(house: House) -> None:
    """As if their time were over."""
    house.queued("UPDATE lanes SET due = 1 WHERE state = 'leased'")


class Everything:
    """A worker with one of each in hand: handlers, a send, a lane that retries, one deferred, a delayed envelope, a
    dead letter, and others that wait.
    """

    def __init__(self, house: House, gateway: Gateway) -> None:
        self.house = house
        self.gateway = gateway

    @staticmethod
    def worker(**more: str) -> dict[str, object]:
        """For ``House``."""
        return {"concurrency": 4, "attempts": 2, "backoff": {"delay": "1h"}, "timeout": "60s", **more}

    async def begin(self) -> subprocess.Popen[bytes]:
        """Start it, and return when all of that has come about."""
        house, gateway = self.house, self.gateway
        gateway.mode = Mode(
            rules=(Rule(do="hang", text="^ok: hangs"), Rule(do="answer", status=503, body={}, instance="other"))
        )
        await house.put_payload(17)
        (later,) = house.envelopes(job(message("delayed", phone=self.phone(15), id="delayed")))
        await house.put_envelopes([replace(later, not_before=time.time() + 3600)])
        await house.put(self._job("!once-fails 1", 13), self._job("unreachable", 14, instance="other"))
        worker = house.start()
        try:
            await until(self._in_place, what="the first ones to be where they belong")
            await house.put(
                *(self._job("!gate", contact) for contact in (10, 11, 12)),
                *(self._job(text, 16) for text in ("hangs", "behind it")),
                *(self._job("waits", contact) for contact in (10, 11, 20, 21, 22)),
            )
            await until(begun(house, 6), what="all slots to be full")
            await until(lambda: any(post.text == "ok: hangs" for post in gateway.posts), what="a send in flight")
        except BaseException:
            worker.kill()
            raise
        return worker

    def open(self) -> None:
        """From now on, nothing keeps anybody from ending: what waits for a time is due."""
        (self.house.folder / "gate").touch()
        self.gateway.mode = Mode()
        self.house.queued("UPDATE envelopes SET not_before = 1 WHERE state = 'delayed'")
        self.house.queued("UPDATE lanes SET due = 1 WHERE state = 'held'")

    async def finish(self) -> None:
        """The next worker does the rest."""
        worker = self.house.start("--drain")
        with working(worker):
            assert await ended(worker) == 0
        posts = self.gateway.accepted
        assert Counter(post.text for post in posts) == {
            "ok: !once-fails 1": 1,
            "ok: unreachable": 1,
            "ok: delayed": 1,
            "ok: !gate": 3,
            "ok: hangs": 1,
            "ok: behind it": 1,
            "ok: waits": 5,
        }
        assert len({post.key for post in posts}) == len(posts)
        assert len({post.key for post in self.gateway.posts if post.text == "ok: hangs"}) == 1
        assert [post.text for post in posts if post.to.startswith(self.phone(10))] == ["ok: !gate", "ok: waits"]
        assert [post.text for post in posts if post.to.startswith(self.phone(16))] == ["ok: hangs", "ok: behind it"]
        assert {row["state"] for row in self.house.rows("SELECT state FROM auzap_inbox")} == {"done"}
        assert {row["state"] for row in self.house.rows("SELECT state FROM auzap_outbox")} == {"sent"}
        assert self.house.one("SELECT count(*) FROM auzap_inbox") == len(posts)
        assert [letter.stage for letter in await self.house.dead()] == ["normalize"]
        assert self.house.queued("SELECT * FROM lanes") == []

    @staticmethod
    def phone(contact: int) -> str:
        return f"55119000000{contact}"

    def lanes(self, state: str) -> int:
        return len(self.house.queued("SELECT lane FROM lanes WHERE state = ?", state))

    def _in_place(self) -> bool:
        return (
            self.lanes("held") == 1
            and self.lanes("deferred") == 1
            and len(self.house.queued("SELECT id FROM envelopes WHERE state = 'dead'")) == 1
        )

    def _job(self, text: str, contact: int, **more: str) -> dict[str, object]:
        return job(message(text, phone=self.phone(contact)), **more)
