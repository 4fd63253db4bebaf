"""The store on a Postgres database, shared by any number of processes on any number of machines."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from auzap.model.errors import LeaseLost
from auzap.storage.base import BaseStore
from auzap.storage.postgres.link import Base
from auzap.storage.postgres.reader import Reader
from auzap.storage.postgres.sessions import Sessions
from auzap.storage.postgres.writer import Writer
from auzap.storage.steps.fences import look_at_turn
from auzap.storage.steps.times import zoned
from auzap.storage.urls import postgres_server

if TYPE_CHECKING:
    from sqlmodel.ext.asyncio.session import AsyncSession

__all__ = ["PostgresStore"]


class PostgresStore(BaseStore):
    """Implements ``auzap.storage.store.Store``.

    :param url: ``postgresql://user:password@host/database``.
    :param before_commit: called before every commit.
    :param busy: seconds to wait for what others have locked.
    :raises ConfigError: the URL cannot be read.
    """

    def __init__(self, url: str, *, before_commit: Callable[[], None] = lambda: None, busy: float = 5.0) -> None:
        base = Base(postgres_server(url))
        self._group = Writer(base, busy=busy, before_commit=before_commit)
        self._looking = Reader(base, busy=busy)
        self._plugins = Sessions(base, busy=busy, before_commit=before_commit)
        super().__init__(writer=self._group, reader=self._looking, sessions=self._plugins)

    async def start(self) -> None:
        self._group.start()

    async def close(self) -> None:
        await self._plugins.close()
        await self._group.close()
        await self._looking.close()

    def time(self, moment: datetime) -> datetime:
        return zoned(moment)

    @asynccontextmanager
    async def transaction(self, organization_id: str, *, turn_id: str, token: int) -> AsyncIterator[AsyncSession]:
        """The turn's rows are looked at when it begins and held only at its end: what a plugin does meanwhile may take
        long, and whoever has the lane next must not wait for it.
        """
        async with self._sessions.write(organization_id) as session:
            state = await self._sessions.run(session, partial(look_at_turn, turn_id=turn_id, token=token))
            if isinstance(state, LeaseLost):
                raise state
            yield session
            await session.flush()
            await self._fence(session, turn_id, token)
