"""A worker that is cut off at a point of a turn, as a kill would cut it off."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock

from auzap.model.errors import StoreUnavailable

__all__ = ["POINTS", "Crashes", "Cut"]

#: those that a turn passes, in order; ``before_commit`` is in the middle of every write of the database
POINTS = (
    "after_lease",
    "after_record",
    "in_handler",
    "before_persist",
    "before_commit",
    "after_persist",
    "after_claim",
    "after_accepted",
    "after_note",
    "before_ack",
)


class Cut(BaseException):
    """The worker is dead. No ``except Exception`` holds it up."""


@dataclass(slots=True)
class _Armed:
    point: str
    left: int


class Crashes:
    """Where the worker is to die, and whether it is dead. Points are reached in the event loop and in the writer's
    thread; from the first one on nothing is committed any more.
    """

    def __init__(self) -> None:
        self.dead = False
        #: how many workers died
        self.count = 0
        self._lock = Lock()
        self._armed: list[_Armed] = []
        self._cut_off: Callable[[], None] = _nobody

    def arm(self, point: str, nth: int) -> None:
        """:raises ValueError: there is no such point."""
        if point not in POINTS:
            raise ValueError(f"{point!r} is no point of a turn; there are {', '.join(POINTS)}")
        self._armed.append(_Armed(point, nth))

    def disarm(self) -> None:
        self._armed.clear()

    @property
    def armed(self) -> list[str]:
        """Those that were not reached yet."""
        return [one.point for one in self._armed]

    def begin(self, cut_off: Callable[[], None]) -> None:
        """A worker lives.

        :param cut_off: ends all that it does; safe in any thread.
        """
        self.dead, self._cut_off = False, cut_off

    def reached(self, point: str) -> None:
        """:raises Cut: the worker is dead. :raises StoreUnavailable: it is, and was about to commit."""
        if self.dead or self._is_last(point):
            if point == "before_commit":
                raise StoreUnavailable("the worker is dead")
            raise Cut(point)

    def _is_last(self, point: str) -> bool:
        with self._lock:
            for one in self._armed:
                if one.point == point:
                    one.left -= 1
                    if one.left == 0:
                        self._armed.remove(one)
                        self.dead = True
                        self.count += 1
                        self._cut_off()
                        return True
        return False


def _nobody() -> None:
    """Before a worker lives."""
