"""Services where there is no database: plugins are built to be looked at, not to work."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from sqlmodel.ext.asyncio.session import AsyncSession

__all__ = ["Detached"]


class Detached:
    """Stands for the store and for the outbox."""

    def read(self) -> AbstractAsyncContextManager[AsyncSession]:
        _refuse()

    def transaction(self) -> AbstractAsyncContextManager[AsyncSession]:
        _refuse()

    async def send(self, text: str, **_: Any) -> str:
        _refuse()


def _refuse() -> NoReturn:
    raise RuntimeError("there is no database while plugins are looked at: use it in hooks, schedules and lifespan")
