"""Sessions for plugins: what is alike on all databases."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import anyio
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.orm import Session
from sqlmodel.ext.asyncio.session import AsyncSession

from auzap.storage.tenancy import Boundary, TenantSession

__all__ = ["BaseSessions"]


class BaseSessions(ABC):
    def __init__(self, readers: AsyncEngine, writers: AsyncEngine, *, before_commit: Callable[[], None]) -> None:
        self._readers = readers
        self._writers = writers
        self._before_commit = before_commit
        self._boundaries: dict[str, Boundary] = {}
        self._writing: set[asyncio.Task[Any] | None] = set()

    @asynccontextmanager
    async def read(self, organization_id: str) -> AsyncIterator[AsyncSession]:
        """What it sees stays as it was at its first query."""
        session = self._session(self._readers, organization_id, writes=False)
        try:
            yield session
        finally:
            await _close(session)

    @asynccontextmanager
    async def write(self, organization_id: str) -> AsyncIterator[AsyncSession]:
        """Commits at the end; rolls back when the body raises or is cancelled. One at a time of a tenant's."""
        task = asyncio.current_task()
        if task in self._writing:
            raise RuntimeError("a transaction inside a transaction would wait for itself: end the first one before")
        async with self._turn(organization_id):
            session = self._session(self._writers, organization_id, writes=True)
            self._writing.add(task)
            try:
                await self._begin(session, organization_id)
                yield session
                await session.flush()
                with anyio.CancelScope(shield=True):
                    self._before_commit()
                    await session.run_sync(Session.commit)
            finally:
                self._writing.discard(task)
                await _close(session)

    @abstractmethod
    def _turn(self, organization_id: str) -> AbstractAsyncContextManager[object]:
        """For whoever may write now in this process."""

    @abstractmethod
    async def _begin(self, session: AsyncSession, organization_id: str) -> None:
        """Begin the transaction, alone in the tenant."""

    async def close(self) -> None:
        await self._readers.dispose()
        await self._writers.dispose()

    def _session(self, engine: AsyncEngine, organization_id: str, *, writes: bool) -> AsyncSession:
        boundary = self._boundaries.setdefault(organization_id, Boundary(organization_id))
        return AsyncSession(
            engine,
            sync_session_class=TenantSession,
            expire_on_commit=False,
            boundary=boundary,
            writes=writes,
        )


async def _close(session: AsyncSession) -> None:
    with anyio.CancelScope(shield=True):
        await session.close()
