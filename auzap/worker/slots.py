"""Slots: how many turns are handled or sent at a time."""

from __future__ import annotations

import asyncio
from collections import Counter
from time import monotonic

__all__ = ["Slot", "Slots"]

#: turns that hold a slot for less seconds than that, on average, are brisk
_BRISK = 0.02
#: weight of the newest in that average
_NEWEST = 0.05
#: turns that are looked at before anything is said of them
_FIRST = 32
#: lanes may wait for slots while turns are brisk: as many as get one within these seconds, and no more than that
_SOON, _MOST_AHEAD = 0.1, 100
#: part of them that is leased at once
_LOT = 4
#: a tenant whose turn holds a slot for more seconds than that is slow, until one of its turns is brisk; of those that
#: are, the last ones are known
_SLOW, _MOST_SLOW = 0.1, 100
#: seconds for which a lane waits for a slot: somebody else may have one free
_PATIENT = 0.5


class Slots:
    """``worker.concurrency`` of them.

    While turns are brisk, lanes are leased ahead: they are recorded while others are handled, so that a slot never
    waits for the queue and groups of writes are larger. Once turns take long, none is leased for which there is no
    slot; and one that has waited too long for it is given back. Where most turns are brisk and a tenant's are slow,
    that holds for this tenant.

    :param shared: there are several tenants: none of them has more than half.
    """

    def __init__(self, count: int, *, shared: bool = False) -> None:
        self._count, self._most = count, _share(count, shared)
        self._taken: Counter[str] = Counter()
        self._waiting: dict[asyncio.Future[bool], str] = {}
        #: the last one last
        self._slow: dict[str, None] = {}
        self._closed = False
        self._average = _BRISK / 2
        self._seen = 0

    @property
    def lanes(self) -> int:
        """How many lanes may be in hand."""
        return self._count + self._ahead

    @property
    def lot(self) -> int:
        """How many lanes to lease at a time at least: with some in hand that wait for a slot, none is in a hurry."""
        return max(self._ahead // _LOT, 1)

    @property
    def _ahead(self) -> int:
        if self._seen < _FIRST or self._average >= _BRISK:
            return 0
        return int(min(self._count * _SOON / max(self._average, _SOON / _MOST_AHEAD), _MOST_AHEAD))

    def refused(self, most: int) -> dict[str, int]:
        """Of tenants that are slow, the lanes that are not to be leased: those for which they have no slots. Also while
        none of theirs is in hand: what waited for a slot would all be leased when a turn ends.

        :param most: lanes that a tenant may have otherwise.
        """
        return dict.fromkeys(self._slow, max(most - self._most, 0))

    def change(self, count: int, *, shared: bool) -> None:
        """From now on; who has one keeps it."""
        self._count, self._most = count, _share(count, shared)
        self._grant()

    def close(self) -> None:
        """Whoever has no slot gets none any more."""
        self._closed = True
        for waiting in list(self._waiting):
            _tell(waiting, False)

    async def take(self, tenant: str) -> bool:
        """False: there is none in time."""
        if self._is_free(tenant):
            self._taken[tenant] += 1
            return True
        if self._closed:
            return False
        loop = asyncio.get_running_loop()
        waiting: asyncio.Future[bool] = loop.create_future()
        self._waiting[waiting] = tenant
        late = loop.call_later(_PATIENT, _tell, waiting, False)
        try:
            if not await waiting:
                self._note_slow(tenant)
            return waiting.result()
        except asyncio.CancelledError:
            if waiting.done() and not waiting.cancelled() and waiting.result():
                self._free(tenant)
            raise
        finally:
            late.cancel()
            self._waiting.pop(waiting, None)

    def give_back(self, tenant: str, held: float) -> None:
        """:param held: for how many seconds."""
        self._seen += 1
        self._average += (held - self._average) * _NEWEST
        if held > _SLOW:
            self._note_slow(tenant)
        elif held < _BRISK:
            self._slow.pop(tenant, None)
        self._free(tenant)

    def _note_slow(self, tenant: str) -> None:
        self._slow.pop(tenant, None)
        self._slow[tenant] = None
        if len(self._slow) > _MOST_SLOW:
            del self._slow[next(iter(self._slow))]

    def _is_free(self, tenant: str) -> bool:
        return self._taken.total() < self._count and self._taken[tenant] < self._most

    def _free(self, tenant: str) -> None:
        """It goes to whoever has waited longest and may have it."""
        self._taken[tenant] -= 1
        if not self._taken[tenant]:
            del self._taken[tenant]
        self._grant()

    def _grant(self) -> None:
        for waiting, whose in self._waiting.items():
            if self._taken.total() >= self._count:
                return
            if not waiting.done() and self._is_free(whose):
                self._taken[whose] += 1
                _tell(waiting, True)


def _share(count: int, shared: bool) -> int:
    return max(count // 2, 1) if shared else count


def _tell(waiting: asyncio.Future[bool], granted: bool) -> None:
    if not waiting.done():
        waiting.set_result(granted)


class Slot:
    """The slot of one lane: taken for a turn that is handled or sent, given back when only notes are left to write."""

    def __init__(self, slots: Slots, tenant: str) -> None:
        self._slots = slots
        self._tenant = tenant
        self._since: float | None = None

    async def take(self) -> bool:
        """False: there is none in time."""
        if self._since is None and await self._slots.take(self._tenant):
            self._since = monotonic()
        return self._since is not None

    def give_back(self) -> None:
        if self._since is not None:
            held, self._since = monotonic() - self._since, None
            self._slots.give_back(self._tenant, held)
