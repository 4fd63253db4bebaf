"""One connection, and what is said on it: operations of the script go there, what they tell comes back."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from secrets import token_hex
from typing import Any

from hiredis import pack_command
from redis.asyncio.connection import Connection
from redis.exceptions import NoScriptError, ResponseError

from auzap.logs import get_logger
from auzap.model.errors import ConfigError, QueueUnavailable
from auzap.queues.redis.keys import Keys
from auzap.queues.redis.location import Location
from auzap.queues.redis.reaching import connect, hang_up
from auzap.queues.redis.script import Script
from auzap.queues.redis.troubles import TROUBLES, may_be_another, told_as

__all__ = ["AnswerLost", "Declined", "Exchange", "Memory", "Operation", "plainly"]

log = get_logger("auzap.queue")

#: its name and its arguments
Operation = tuple[bytes, Sequence[bytes]]
Command = Sequence[bytes | int | float]


class AnswerLost(QueueUnavailable):
    """It was sent: perhaps it happened, perhaps not."""


class Declined(QueueUnavailable):
    """The server took nothing of it: it is out of memory, a replica, or the like."""


def plainly(error: Exception) -> Exception:
    """As callers get it: each his own, since one error raised in many tasks gathers the tracebacks of all."""
    if not isinstance(error, QueueUnavailable):
        return error
    told = QueueUnavailable(*error.args)
    told.__cause__ = error.__cause__
    return told


class Memory:
    """What all connections of one queue know of it together."""

    def __init__(self, name: str) -> None:
        self._name = name
        #: names the queue if it has no id: it gets one that nobody has seen, also after a flush
        self.namer = token_hex(6).encode()
        self._id: bytes | None = None
        #: the greatest token seen: they grow also if the server that gives them is replaced by one that is behind
        self.token = 0

    @property
    def was_there(self) -> bool:
        """Whether the queue was ever seen."""
        return self._id is not None

    def met(self, queue_id: bytes) -> None:
        if self._id not in (None, queue_id):
            why = "it was flushed, or restarted without a file on disk; what it held is lost"
            log.warning("Queue emptied", queue=self._name, error=why)
        self._id = queue_id


class Exchange:
    """For one at a time."""

    def __init__(self, location: Location, script: Script, memory: Memory) -> None:
        self._location = location
        self._script = script
        self._memory = memory
        self._meta = Keys(location.prefix).meta
        self._connection: Connection | None = None

    async def ask(
        self,
        operations: Sequence[Operation],
        *,
        before: Command = (),
        after: Command = (),
        longer: float = 0.0,
    ) -> tuple[list[Any], Any]:
        """What each operation tells, and what the command told that came after them.

        :param before: a command that goes ahead of them on the same way; the server does one after the other.
        :param longer: seconds that it may take on top of those after which the server counts as away.
        :raises QueueUnavailable: the server is away.
        :raises ConfigError: it will never do, and never did.
        """
        connection = await self._connected()
        try:
            async with asyncio.timeout(self._location.timeout + longer):
                return await self._ask(connection, self._command(operations), before, after)
        except ResponseError as error:
            if before or after or may_be_another(error):  # there are answers on the way that nobody reads
                await self.hang_up()
            raise self._told(error, Declined) from error
        except TROUBLES as error:
            await self.hang_up()
            raise self._told(error, AnswerLost) from error
        except BaseException:
            await self.hang_up()
            raise

    async def hang_up(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await hang_up(connection)

    def _told(self, error: Exception, kind: type[QueueUnavailable]) -> Exception:
        told = told_as(error, self._location.name)
        if told is None:
            return error
        passes = isinstance(told, QueueUnavailable) or self._memory.was_there
        return kind(str(told)) if passes else told

    async def _connected(self) -> Connection:
        if self._connection is not None:
            if not await self._connection.can_read():  # else the server has closed it
                return self._connection
            await self.hang_up()
        try:
            self._connection = await connect(self._location)
        except ConfigError as error:
            if self._memory.was_there:  # what was right yesterday: somebody mends it
                raise QueueUnavailable(*error.args) from error
            raise
        return self._connection

    def _command(self, operations: Sequence[Operation]) -> list[bytes | int]:
        memory = self._memory
        command: list[bytes | int] = [self._script.sha, 1, self._meta, memory.namer, memory.token]
        for name, args in operations:
            command += (name, len(args), *args)
        return command

    async def _ask(
        self, connection: Connection, command: list[bytes | int], before: Command, after: Command
    ) -> tuple[list[Any], Any]:
        packed = [_packed(one) for one in (before, (b"EVALSHA", *command), after) if one]
        await connection.send_packed_command(packed, check_health=False)
        if before:
            await connection.read_response()
        try:
            told = await connection.read_response()
        except NoScriptError:
            if after:
                await connection.read_response()
            again = (b"EVAL", self._script.text, *command[1:])
            await connection.send_packed_command([_packed(one) for one in (again, after) if one], check_health=False)
            told = await connection.read_response()
        self._memory.met(told[0])
        return told[1:], await connection.read_response() if after else None


def _packed(command: Command) -> bytes:
    packed: bytes = pack_command(tuple(command))  # type: ignore[arg-type]  # its stub says: a tuple of one
    return packed
