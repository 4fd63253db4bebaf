"""Connections whose caller went away in the middle: opened, or ended, by somebody who has the time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from asyncpg import Connection

__all__ = ["Leaving", "let_go"]

#: seconds for a server to stop what nobody waits for any more, and to let go
_GOODBYE: Final = 5.0


class Leaving:
    """What goes on after its caller was cancelled.

    asyncpg tells the server to stop a cancelled statement, but not if the connection is dropped at once: the server
    would go on with it, and hold what it has locked.
    """

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    async def dial(self, dial: Callable[[], Awaitable[Connection[Any]]]) -> Connection[Any]:
        """A new connection; if nobody waits for it any more, it is ended as soon as it is there."""
        task = asyncio.ensure_future(dial())
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            self._keep(_end_when_there(task))
            raise

    def end(self, connection: Connection[Any]) -> None:
        """Without waiting."""
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            connection.terminate()
        else:
            self._keep(let_go(connection))

    async def wait(self) -> None:
        """Until all are gone."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    def _keep(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def let_go(connection: Connection[Any]) -> None:
    try:
        await connection.close(timeout=_GOODBYE)
    except Exception:  # noqa: BLE001 - it is gone either way
        connection.terminate()


async def _end_when_there(dialling: asyncio.Future[Connection[Any]]) -> None:
    try:
        connection = await dialling
    except Exception:  # noqa: BLE001 - nobody asks any more
        return
    await let_go(connection)
