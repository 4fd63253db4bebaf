"""Dead letters, as callers see them."""

from __future__ import annotations

from collections.abc import Sequence

from auzap.contract.queue import DeadLetter
from auzap.queues.redis.bodies import letter_of, micros, raw
from auzap.queues.redis.line import Line

__all__ = ["DeadLetters"]

#: dead letters that one call of the script handles at the most
_BATCH = 500
#: and those that one call brings here: their payloads may be long
_LETTERS = 50


class DeadLetters:
    def __init__(self, line: Line) -> None:
        self._line = line

    async def some(self, tenant: str | None, limit: int, after: str) -> list[DeadLetter]:
        found: list[DeadLetter] = []
        last, whose = raw(after), () if tenant is None else (raw(tenant),)
        while len(found) < limit:
            some = min(_LETTERS, limit - len(found))
            told = await self._line.call(b"letters.some", last, b"%d" % some, *whose)
            found += [letter_of(*one) for one in told if None not in one]
            if len(told) < some:
                break
            last = told[-1][0]
        return found

    async def one(self, letter_id: str) -> DeadLetter | None:
        told = await self._line.call(b"letters.one", raw(letter_id))
        return None if told is None or None in told else letter_of(*told)

    async def revive(self, ids: Sequence[str]) -> int:
        return await self._in_batches(b"letters.revive", ids)

    async def purge(self, ids: Sequence[str] | None, before: float | None) -> int:
        """:raises ValueError: neither is given."""
        if ids is not None:
            return await self._in_batches(b"letters.purge", ids, micros(float("inf") if before is None else before))
        if before is None:
            raise ValueError("purge what? name ids, or a time before which they were buried")
        purged = 0
        while some := await self._line.call(b"letters.purge_old", micros(before), b"%d" % _BATCH):
            purged += some
        return purged

    async def _in_batches(self, name: bytes, ids: Sequence[str], *args: bytes) -> int:
        done = 0
        for start in range(0, len(ids), _BATCH):
            done += await self._line.call(name, *args, *map(raw, ids[start : start + _BATCH]))
        return done
