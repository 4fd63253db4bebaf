"""What the stores of all databases have in common: each call is a step, for whoever writes what waits together."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar

import anyio

from auzap.model.errors import LeaseLost
from auzap.model.turn import IN_TRANSACTION, Chat, TenantStore
from auzap.storage.steps import events, outbox, owners, retention, schedules
from auzap.storage.steps.fences import fence_turn
from auzap.storage.steps.inbox import record
from auzap.storage.steps.outbox_rows import stored_reply
from auzap.storage.steps.outcome import persist
from auzap.storage.steps.outgoing import put_outgoing
from auzap.storage.steps.states import remembered
from auzap.storage.steps.traces import add_traces, read_traces
from auzap.storage.steps.tx import Params, Statement, Tx
from auzap.storage.store import (
    Claim,
    ClaimedRun,
    Decision,
    DueReply,
    Inbound,
    Outgoing,
    Owner,
    Person,
    Recorded,
    ScheduledRun,
    StoredReply,
    Trace,
)
from auzap.storage.texts import storable

if TYPE_CHECKING:
    from sqlmodel.ext.asyncio.session import AsyncSession

__all__ = ["BaseStore", "GroupWriter", "RowReader", "TenantSessions"]

T = TypeVar("T")
A = TypeVar("A")
R = TypeVar("R")


class GroupWriter(Protocol):
    """Writes what waits at the same time in one transaction."""

    async def write(self, op: Callable[[Tx, Sequence[A]], Sequence[R | Exception]], arg: A) -> R:
        """Durable when it returns. An exception among the results is raised to its own caller alone."""
        ...


class RowReader(Protocol):
    async def rows(self, statement: Statement, params: Params) -> Sequence[Any]:
        """Waits for no writer."""
        ...


class TenantSessions(Protocol):
    def read(self, organization_id: str) -> AbstractAsyncContextManager[AsyncSession]:
        """What it sees stays as it was at its first query."""
        ...

    def write(self, organization_id: str) -> AbstractAsyncContextManager[AsyncSession]:
        """Commits at the end; rolls back when the body raises or is cancelled. One at a time of a tenant's."""
        ...

    async def run(self, session: AsyncSession, work: Callable[[Tx], T]) -> T:
        """Run statements of the store in a session's transaction."""
        ...


class BaseStore(ABC):
    """Implements ``auzap.storage.store.Store``."""

    def __init__(self, *, writer: GroupWriter, reader: RowReader, sessions: TenantSessions) -> None:
        self._writer = writer
        self._reader = reader
        self._sessions = sessions
        #: seconds that a plugin may take inside a transaction
        self.in_transaction = IN_TRANSACTION

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with anyio.CancelScope(shield=True):  # who is cancelled leaves no connection open either
            await self.close()

    @abstractmethod
    async def start(self) -> None: ...

    @abstractmethod
    async def close(self) -> None: ...

    @abstractmethod
    def time(self, moment: datetime) -> Any:
        """As the database takes it."""

    # -------------------------------------------------------------- a turn, in the order of its steps

    async def record(self, arrivals: Sequence[Inbound]) -> list[Recorded]:
        return await self._writer.write(record, arrivals)

    async def persist(self, decision: Decision) -> list[StoredReply]:
        return await self._writer.write(persist, decision)

    async def state_of(
        self, organization_id: str, chat: Chat, plugin: str, *, at: datetime | None = None
    ) -> dict[str, Any]:
        place = (organization_id, chat.instance_id, chat.chat_id, plugin)
        return remembered(await self._reader.rows("STATE_OF", (*place, self.time(at or datetime.now(UTC)))))

    @asynccontextmanager
    async def transaction(self, organization_id: str, *, turn_id: str, token: int) -> AsyncIterator[AsyncSession]:
        async with self._sessions.write(organization_id) as session:
            await self._fence(session, turn_id, token)
            yield session

    async def _fence(self, session: AsyncSession, turn_id: str, token: int) -> None:
        state = await self._sessions.run(session, partial(fence_turn, turn_id=turn_id, token=token))
        if isinstance(state, LeaseLost):
            raise state

    async def persist_in(self, session: AsyncSession, decision: Decision) -> list[StoredReply]:
        await session.flush()
        (answer,) = await self._sessions.run(session, partial(persist, decisions=[decision]))
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def once(
        self,
        organization_id: str,
        *,
        turn_id: str,
        token: int,
        name: str,
        fn: Callable[[AsyncSession], Awaitable[Any]],
    ) -> Any:
        async with self.transaction(organization_id, turn_id=turn_id, token=token) as session:
            stored = await self._sessions.run(session, lambda tx: tx.execute("ONCE", (turn_id, name)))
            if stored:
                return _decoded(stored[0][0])
            text = _json(name, await _in_time(name, fn(session), self.in_transaction))
            await session.flush()
            await self._sessions.run(
                session, lambda tx: tx.write("INSERT_ONCE", [(organization_id, turn_id, name, text, tx.now())])
            )
        return json.loads(text)

    async def claim(self, reply_id: str, *, token: int, began_at: datetime) -> Claim:
        return await self._writer.write(outbox.claim, outbox.Claiming(reply_id, token, began_at))

    async def note_sent(self, reply_id: str, *, token: int, provider_id: str | None) -> None:
        await self._writer.write(outbox.note_sent, outbox.Sent(reply_id, token, storable(provider_id)))

    async def note_unsent(self, reply_id: str, *, token: int, reason: str, attempt: bool) -> int:
        return await self._writer.write(outbox.note_unsent, outbox.Unsent(reply_id, token, reason, attempt))

    async def note_refused(self, reply_id: str, *, token: int, reason: str) -> None:
        await self._writer.write(outbox.note_refused, outbox.Refusal(reply_id, token, reason))

    async def note_dead(self, turn_id: str, *, token: int, reason: str, attempts: int) -> None:
        await self._writer.write(outbox.note_dead, outbox.Death(turn_id, token, reason, attempts))

    async def note_buried(
        self, organization_id: str, *, envelope_id: str, dedupe_key: str | None, token: int, reason: str
    ) -> None:
        grave = outbox.Grave(organization_id, envelope_id, dedupe_key, token, reason)
        await self._writer.write(outbox.note_buried, grave)

    # -------------------------------------------------------------- scheduled replies

    async def due(self, before: datetime, *, limit: int) -> list[DueReply]:
        return [DueReply(*row) for row in await self._reader.rows("DUE", (self.time(before), limit))]

    async def note_queued(self, reply_ids: Sequence[str]) -> None:
        await self._writer.write(outbox.note_queued, reply_ids)

    async def put_outgoing(self, outgoing: Outgoing) -> StoredReply:
        return await self._writer.write(put_outgoing, outgoing)

    async def outbound(self, reply_id: str) -> StoredReply | None:
        rows = await self._reader.rows("REPLY", (reply_id,))
        return stored_reply(rows[0]) if rows else None

    async def revive_reply(self, reply_id: str, *, token: int) -> None:
        await self._writer.write(outbox.revive_reply, outbox.Revival(reply_id, token))

    # -------------------------------------------------------------- what plugins do by the clock

    async def ensure_runs(self, runs: Sequence[ScheduledRun]) -> None:
        await self._writer.write(schedules.ensure_runs, runs)

    async def claim_runs(self, before: datetime, *, until: datetime, limit: int) -> list[ClaimedRun]:
        if not await self._reader.rows("RUNS_DUE", (self.time(before),)):
            return []
        return await self._writer.write(schedules.claim_runs, schedules.Claiming(before, until, limit))

    async def note_run(self, claimed: ClaimedRun, *, next_at: datetime, error: str | None) -> bool:
        return await self._writer.write(schedules.note_run, schedules.Ran(claimed, next_at, error))

    async def keep_run(self, claimed: ClaimedRun, *, until: datetime) -> bool:
        return await self._writer.write(schedules.keep_run, schedules.Moved(claimed, until))

    async def put_off_run(self, claimed: ClaimedRun, *, until: datetime) -> bool:
        return await self._writer.write(schedules.put_off_run, schedules.Moved(claimed, until))

    async def forget_runs(self, runs: Sequence[ScheduledRun]) -> None:
        await self._writer.write(schedules.forget_runs, runs)

    # -------------------------------------------------------------- traces

    async def add_traces(self, traces: Sequence[Trace]) -> None:
        await self._writer.write(add_traces, traces)

    async def traces_of(self, what: str, *, limit: int, organization_id: str | None = None) -> list[Trace]:
        return read_traces(await self._reader.rows("TRACES", (storable(what), organization_id, limit)))

    # -------------------------------------------------------------- events

    async def note_receipt(self, organization_id: str, provider_id: str, status: str) -> bool:
        return await self._writer.write(
            events.note_receipt, events.Ticket(organization_id, storable(provider_id), status)
        )

    async def is_ours(self, organization_id: str, provider_id: str) -> bool:
        return bool(await self._reader.rows("IS_OURS", (organization_id, storable(provider_id)) * 2))

    async def take_over(self, organization_id: str, person: Person, *, at: datetime) -> bool:
        return await self._writer.write(events.take_over, events.Switch(organization_id, person, at))

    async def hand_back(self, organization_id: str, person: Person) -> bool:
        return await self._writer.write(events.hand_back, events.Switch(organization_id, person))

    # -------------------------------------------------------------- owners

    async def ensure_owners(self, organization_id: str, phones: Sequence[str]) -> None:
        await self._writer.write(owners.ensure_owners, owners.OwnerPhones(organization_id, tuple(phones)))

    async def owners(self, organization_id: str) -> list[Owner]:
        rows = await self._reader.rows("OWNERS", (organization_id,))
        lids: dict[str, list[str]] = {}
        for owner_id, lid in await self._reader.rows("OWNER_LIDS", (organization_id,)):
            lids.setdefault(owner_id, []).append(lid)
        return [
            Owner(id_, owners.digits_of(phone), name, role, tuple(lids.get(id_, ()))) for id_, phone, name, role in rows
        ]

    async def remember_owner_lid(self, organization_id: str, owner_id: str, lid: str) -> None:
        await self._writer.write(owners.remember_owner_lid, owners.OwnerLid(organization_id, owner_id, lid))

    # -------------------------------------------------------------- the rest

    def tenant(self, organization_id: str) -> TenantStore:
        return _TenantStore(self._sessions, organization_id, self.in_transaction)

    async def remove_old(
        self,
        *,
        inbox: datetime,
        outbox: datetime,
        limit: int,
        dead: datetime | None = None,
        traces: datetime | None = None,
    ) -> int:
        cutoff = retention.Cutoff(inbox, outbox, dead or inbox, limit, traces)
        return await self._writer.write(retention.remove_old, cutoff)


@dataclass(frozen=True, slots=True)
class _TenantStore:
    sessions: TenantSessions
    organization_id: str
    in_transaction: float

    def read(self) -> AbstractAsyncContextManager[AsyncSession]:
        return self.sessions.read(self.organization_id)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        async with self.sessions.write(self.organization_id) as session:
            # also when what was cancelled goes on: it is too late for it
            with anyio.move_on_after(self.in_transaction) as scope:
                yield session
                await session.flush()
            if scope.cancel_called:
                raise _too_long("store.transaction()", self.in_transaction)


async def _in_time(name: str, decision: Awaitable[Any], seconds: float) -> Any:
    with anyio.move_on_after(seconds):
        return await decision
    raise _too_long(f"turn.once({name!r})", seconds)


def _too_long(what: str, seconds: float) -> TimeoutError:
    return TimeoutError(f"{what}: took longer than {seconds:g} s, while nobody else could write")


def _decoded(result: Any) -> Any:
    """SQLite makes a number of a text that is one, in a column of JSON."""
    return json.loads(result) if isinstance(result, str) else result


def _json(name: str, result: object) -> str:
    try:
        return json.dumps(result, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise TypeError(f"turn.once({name!r}): what it decided is no JSON value: {error}") from error
