"""Workers that are killed while they answer, and which repeated POSTs that excuses."""

from __future__ import annotations

import subprocess
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from tests.support.gateway import GatewayProcess, Post
from tests.support.house import House
from tests.support.tally import accepted

__all__ = ["Kill", "kill", "kill_after", "needless_posts"]


@dataclass(frozen=True, slots=True)
class Kill:
    """A worker's death.

    :param at: on the clock of ``time.monotonic()``.
    :param noted: the replies that the database knew as sent.
    """

    at: float
    noted: frozenset[str]


def kill_after(house: House, gateway: GatewayProcess, posts: int, *, within: float = 60) -> Kill:
    """Start a worker, and kill it when the gateway has accepted so many more."""
    until = gateway.accepted() + posts
    worker = house.start()
    deadline = time.monotonic() + within
    try:
        while gateway.accepted() < until:
            assert worker.poll() is None, "the worker ended by itself"
            assert time.monotonic() < deadline, "the worker answers nobody"
            time.sleep(0.002)
    except BaseException:
        worker.kill()
        worker.wait()
        raise
    return kill(house, worker)


def kill(house: House, worker: subprocess.Popen[bytes]) -> Kill:
    worker.kill()
    worker.wait()
    time.sleep(0.1)  # what was on its way to the gateway arrives
    noted = frozenset(row["id"] for row in house.rows("SELECT id FROM auzap_outbox WHERE state = 'sent'"))
    return Kill(time.monotonic(), noted)


def needless_posts(posts: Sequence[Post], kills: Sequence[Kill]) -> int:
    """POSTs of a key that the gateway had accepted, though no worker had died with the answer not noted."""
    needless = 0
    for key, same in accepted(posts).items():
        lives = Counter(sum(one.at < post.t for one in kills) for post in same)
        needless += sum(times - 1 for times in lives.values())
        last = max(lives)
        needless += sum(key in one.noted for one in kills[:last])
    return needless
