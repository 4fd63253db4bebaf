"""Every key of a queue in Redis. What the scripts call it stands in capitals.

One hash tag holds them all in one slot of a cluster.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

__all__ = ["Keys", "is_prefix"]

#: scripts' name -> key, without the prefix
_ONES: Final = {
    # hash: id of this queue (new after a flush), version of the keys, greatest token given out, when something is due
    # first, and of each side until when somebody's share keeps it from what is ready
    "META": "meta",
    # hash: id -> envelope, in whatever state
    "BODIES": "bodies",
    # set: dedupe keys of all of these
    "DEDUPES": "dedupes",
    # hash: lane -> what is known of it while it is leased, held or deferred
    "RECORDS": "records",
    # sorted sets by time, of lanes: end of the lease; end of a retry's delay; end of being deferred
    "LEASES": "leases",
    "HELD": "held",
    "DEFERRED": "deferred",
    # sorted set by time: ids of delayed envelopes
    "DELAYED": "delayed",
    # dead letters: ids in order; ids by when they were buried; hash: id -> why
    "DEAD": "dead",
    "BURIED": "buried",
    "BURIALS": "burials",
}
#: the same for those of which there is one for each lane, tenant and so on: its name follows
_FAMILIES: Final = {
    # list: ids of a lane's envelopes, the oldest first; those that are leased stand in it too
    "LANE": "lane",
    # list, of a side and tenant: its lanes that are ready
    "READY": "ready",
    # list, of a side: tenants that have a lane ready, in turn
    "TURNS": "turns",
    # list, of a side: something is in it when a lane is ready
    "BELL": "bell",
    # list, of a side: something is in it when a tenant has a lane ready that had none, while somebody's share keeps it
    # from what else is ready
    "NEWS": "news",
    # list, of a lease call that waits: something is in it when it should not any more
    "STOP": "stop",
    # sorted set by time, of an instance: its deferred lanes
    "PARKED": "parked",
    # sorted set, of a tenant: ids of its dead letters in order
    "DEAD_OF": "dead-of",
    # list: the places given out under a limit; goes by itself when the last does not count any more
    "PERMIT": "permit",
}


def is_prefix(text: str) -> bool:
    """Whether it may begin the names of keys. It stands in the scripts' text as it is."""
    return re.fullmatch(r"[A-Za-z0-9_.:-]{1,100}", text) is not None


@dataclass(frozen=True, slots=True)
class Keys:
    #: see ``is_prefix``
    prefix: str

    @property
    def meta(self) -> bytes:
        return self._named(_ONES["META"]).encode()

    @property
    def dead(self) -> bytes:
        return self._named(_ONES["DEAD"]).encode()

    def bell(self, *, side: bool) -> bytes:
        return f"{self._named(_FAMILIES['BELL'])}:{side:d}".encode()

    def news(self, *, side: bool) -> bytes:
        return f"{self._named(_FAMILIES['NEWS'])}:{side:d}".encode()

    def stop(self, tag: bytes) -> bytes:
        return f"{self._named(_FAMILIES['STOP'])}:".encode() + tag

    def in_script(self, text: str) -> str:
        """Lua with the names of the keys in it."""
        names = {name: f"'{self._named(key)}'" for name, key in _ONES.items()}
        names |= {name: f"'{self._named(key)}:'" for name, key in _FAMILIES.items()}
        return re.sub(rf"\b(?:{'|'.join(names)})\b", lambda found: names[found[0]], text)

    def _named(self, key: str) -> str:
        return f"{{{self.prefix}}}:{key}"
