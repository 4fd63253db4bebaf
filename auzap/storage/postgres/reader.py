"""The store's own few queries: they wait for no writer."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from auzap.storage.postgres.errors import told
from auzap.storage.postgres.link import Base, Link
from auzap.storage.steps.tx import Params, Statement
from auzap.storage.texts import storable

__all__ = ["Reader"]


class Reader:
    """One connection, used by one query at a time."""

    def __init__(self, base: Base, *, busy: float) -> None:
        self._base = base
        self._link = Link(base, wait=busy)
        self._turn = asyncio.Lock()
        self._patience = busy + 20.0

    async def rows(self, statement: Statement, params: Params) -> Sequence[Any]:
        """:raises StoreUnavailable: the server is away."""
        async with self._turn:
            try:
                async with asyncio.timeout(self._patience):
                    return await self._rows(statement, params)
            except Exception as error:
                known = told(error, self._base.server.place)
                if known is error:
                    raise
                raise known from error

    async def _rows(self, statement: Statement, params: Params) -> Sequence[Any]:
        connection = await self._link.open()
        text = (await self._link.texts()).of(statement)
        rows: Sequence[Any] = await connection.fetch(text, *(storable(p) if isinstance(p, str) else p for p in params))
        return rows

    async def close(self) -> None:
        await self._link.close()
