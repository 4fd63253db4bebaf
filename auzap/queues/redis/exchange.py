"""One connection, and what is said on it: operations of the script go there, what they tell comes back."""

from __future__ import annotations

from collections.abc import Sequence
from secrets import token_hex
from typing import Any

from redis.exceptions import NoScriptError, ResponseError

from auzap.logs import get_logger
from auzap.model.errors import ConfigError, QueueUnavailable
from auzap.queues.redis.keys import Keys
from auzap.queues.redis.location import Location
from auzap.queues.redis.reaching import connect
from auzap.queues.redis.script import Script
from auzap.queues.redis.troubles import TROUBLES, may_be_another, told_as
from auzap.queues.redis.wire import Command, Wire

__all__ = ["AnswerLost", "Exchange", "Memory", "Operation", "plainly"]

log = get_logger("auzap.queue")

#: its name and its arguments
Operation = tuple[bytes, Sequence[bytes]]


class AnswerLost(QueueUnavailable):
    """It was sent: perhaps it happened, perhaps not."""


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
        self._wire: Wire | None = None

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

        async def say() -> tuple[list[Any], Any]:
            wire = await self._connected()
            return await self._ask(wire, self._command(operations), before, after, self._location.timeout + longer)

        try:
            try:
                return await say()
            except ResponseError as error:
                if not may_be_another(error):
                    raise
                await self.hang_up()  # it did nothing: another one may
                return await say()
        except ResponseError as error:
            if may_be_another(error):
                await self.hang_up()
            raise self._told(error, QueueUnavailable) from error
        except TROUBLES as error:
            await self.hang_up()
            raise self._told(error, AnswerLost) from error
        except BaseException:
            await self.hang_up()
            raise

    async def hang_up(self) -> None:
        wire, self._wire = self._wire, None
        if wire is not None:
            await wire.hang_up()

    def _told(self, error: Exception, kind: type[QueueUnavailable]) -> Exception:
        told = told_as(error, self._location.name)
        if told is None:
            return error
        passes = isinstance(told, QueueUnavailable) or self._memory.was_there
        return kind(str(told)) if passes else told

    async def _connected(self) -> Wire:
        if self._wire is not None:
            if self._wire.is_fresh:
                return self._wire
            await self.hang_up()
        try:
            self._wire = await connect(self._location)
        except ConfigError as error:
            if self._memory.was_there:  # what was right yesterday: somebody mends it
                raise QueueUnavailable(*error.args) from error
            raise
        return self._wire

    def _command(self, operations: Sequence[Operation]) -> list[bytes | int]:
        memory = self._memory
        command: list[bytes | int] = [self._script.sha, 1, self._meta, memory.namer, memory.token]
        for name, args in operations:
            command += (name, len(args), *args)
        return command

    async def _ask(
        self, wire: Wire, command: list[bytes | int], before: Command, after: Command, seconds: float
    ) -> tuple[list[Any], Any]:
        commands = [one for one in (before, (b"EVALSHA", *command), after) if one]
        answers = await wire.exchange(commands, seconds=seconds)
        if isinstance(answers[1 if before else 0], NoScriptError):
            again = (b"EVAL", self._script.text, *command[1:])
            answers[1 if before else 0 :] = await wire.exchange([one for one in (again, after) if one], seconds=seconds)
        for answer in answers:
            if isinstance(answer, ResponseError):
                raise answer
        told = answers[1 if before else 0]
        self._memory.met(told[0])
        return told[1:], answers[-1] if after else None
