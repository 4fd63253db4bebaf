"""The real pipeline of one tenant, in this process, with a terminal where its number was."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import anyio
import anyio.to_thread

from auzap.channels.console import Chat, posted
from auzap.cli.chat.people import Cast, Person
from auzap.cli.chat.stored import Stored, read_turn
from auzap.cli.chat.watch import Failure, Tap, Trace, Watch, WatchedTenants
from auzap.config.models import Config, Database, TenantConfig
from auzap.contract.channel import Channel
from auzap.contract.queue import Queue
from auzap.hooks import Calls
from auzap.model.keys import new_id
from auzap.model.reply import Delivery
from auzap.pipeline.accept import accept
from auzap.pipeline.patience import Patience
from auzap.registry import Registry
from auzap.storage import open_store
from auzap.storage.store import DueReply, Store
from auzap.tenants.runtime import Tenant
from auzap.worker.lanes import Lanes
from auzap.worker.loop import Worker
from auzap.worker.resources import open_queue, prepare_database
from auzap.worker.serve import parts_of

__all__ = ["Engine", "Heard", "Said", "Terminal", "Told", "Trouble", "arranged", "opened"]

#: seconds between two looks at what became of a message
_LOOK = 0.02
#: the instance on the configured database: no worker elsewhere has it, so none sends what is scheduled here
_LIVE_INSTANCE = "auzap-chat"


@dataclass(frozen=True, slots=True)
class Said:
    """A message that was put into the queue."""

    who: Person
    text: str
    message_id: str
    envelope_id: str
    dedupe: str | None
    #: on the clock of ``time.monotonic()``
    at: float


@dataclass(frozen=True, slots=True)
class Heard:
    """A reply as it arrives.

    :param who: whom it is for; None: a number that is nobody's here.
    """

    by: str
    who: Person | None
    to: str
    text: str


@dataclass(frozen=True, slots=True)
class Trouble:
    """A line of the log that people should see."""

    text: str


@dataclass(frozen=True, slots=True)
class Told:
    """What became of a message. ``seconds`` is until its last reply, or until it was decided that there is none."""

    said: Said
    stored: Stored
    trace: Trace
    seconds: float

    @property
    def replies(self) -> list[str]:
        return [row.content for row in self.stored.outbox if row.state == "sent"]

    @property
    def scheduled(self) -> list[tuple[str, datetime]]:
        later = [row for row in self.stored.outbox if row.not_before is not None and row.state == "pending"]
        return [(row.content, row.not_before) for row in later if row.not_before is not None]

    @property
    def answered(self) -> bool:
        return bool(self.replies or self.scheduled)

    @property
    def reason(self) -> str | None:
        """Why there is no reply, or why it was given up."""
        if self.trace.dead is not None:
            return self.trace.dead[1]
        return self.stored.inbox[0].reason if self.stored.inbox else None

    @property
    def dead(self) -> bool:
        return self.trace.dead is not None or any(row.state == "dead" for row in self.stored.inbox)


class Terminal(Registry):
    """Whatever channel an instance has: here it is the terminal."""

    def channel(self, name: str) -> type[Channel]:
        return Chat


class _Own:
    """The store for the worker's chores: what others have in the database is not ours to send or to remove."""

    def __init__(self, store: Store, tenant: str, instance: str) -> None:
        self._store = store
        self._tenant = tenant
        self._instance = instance
        self._since = new_id()

    async def due(self, before: datetime, *, limit: int) -> list[DueReply]:
        found = await self._store.due(before, limit=limit)
        return [
            one
            for one in found
            if (one.organization_id, one.instance_id) == (self._tenant, self._instance) and one.id > self._since
        ]

    async def note_queued(self, reply_ids: Sequence[str]) -> None:
        await self._store.note_queued(reply_ids)

    async def remove_old(self, **_: Any) -> int:
        return 0


def arranged(config: Config, tenant: TenantConfig, instance: str, folder: Path, *, live: bool) -> Config:
    """The configuration of a conversation: this tenant with this instance alone, and a queue of its own.

    :param folder: where the queue is, and the database too unless it is ``live``.
    """
    name = _LIVE_INSTANCE if live else instance
    alone = tenant.model_copy(update={"instances": {name: tenant.instances[instance]}, "suspended": False})
    changes: dict[str, Any] = {
        "queue": f"sqlite:///{folder}/queue.db",
        "tenants": {tenant.id: alone},
        "broken": {},
        # whoever ends a conversation does not want to wait for it
        "worker": config.worker.model_copy(update={"drain": 0.0}),
    }
    if not live:
        changes["database"] = Database(url=f"sqlite:///{folder}/auzap.db", migrate="auto")
    return config.model_copy(update=changes)


@asynccontextmanager
async def opened(
    config: Config, registry: Terminal, tap: Tap, heard: Callable[[Heard | Failure | Trouble], None], *, live: bool
) -> AsyncIterator[Engine]:
    """The parts, put together; nothing runs before ``Engine.work``.

    :param config: of one tenant with one instance.
    :raises TenantBroken: the tenant cannot be built.
    """
    (tenant_config,) = config.tenants.values()
    (instance_id,) = tenant_config.instances
    patience, calls, watch = Patience(), Calls(), Watch()
    await anyio.to_thread.run_sync(prepare_database, config, registry)
    async with (
        open_queue(config, registry) as queue,
        open_store(config.database.dsn, config.base) as store,
        WatchedTenants(config, registry=registry, store=store, calls=calls, watch=watch) as tenants,
        tenants.use(tenant_config.id) as tenant,
    ):
        parts = parts_of(config, queue, store, patience)
        owners = [owner.phone for owner in await store.owners(tenant_config.id)]
        cast_ = Cast(tenant_config, tenant_config.instances[instance_id], owners)
        worker = Worker(
            queue=queue,
            store=cast("Store", _Own(store, tenant_config.id, instance_id)) if live else store,
            tenants=tenants,
            lanes=Lanes(queue=queue, tenants=tenants, parts=parts),
            patience=patience,
            calls=calls,
        )
        yield Engine(tenant, instance_id, cast_, worker, queue, watch, tap, heard)
    worker.ended()


class Engine:
    """One tenant at work."""

    def __init__(
        self,
        tenant: Tenant,
        instance_id: str,
        people: Cast,
        worker: Worker,
        queue: Queue,
        watch: Watch,
        tap: Tap,
        heard: Callable[[Heard | Failure | Trouble], None],
    ) -> None:
        self.tenant = tenant
        self.people = people
        self._instance_id = instance_id
        self._worker = worker
        self._queue = queue
        self._watch = watch
        self._heard = heard
        #: reply -> when it arrived
        self._arrived: dict[str, float] = {}
        #: reply -> whose it is
        self._scheduled: dict[str, str] = {}
        #: envelope -> message
        self._messages: dict[str, str] = {}
        channel = tenant.channels[instance_id]
        assert isinstance(channel, Chat)  # noqa: S101 - Terminal has no other
        channel.heard = self._hear
        tap.listen(self._note)

    async def work(self) -> None:
        """Answer until Ctrl-C, SIGTERM or cancellation."""
        await self._worker.run()

    async def say(self, who: Person, text: str) -> Said:
        payload = posted.compose(who.phone, who.name, text)
        (envelope,) = accept(self.tenant.info.id, self._instance_id, Chat, payload)
        self._messages[envelope.id] = payload["id"]
        said = Said(who, text, payload["id"], envelope.id, envelope.dedupe, time.monotonic())
        await self._queue.put([envelope])
        return said

    async def told(self, said: Said) -> Told:
        """Wait until it is decided, and what is for now has arrived."""
        trace = self._watch.trace(said.message_id)
        while True:
            is_dead = trace.dead is not None  # asked first: its row says so before the log does
            stored = await read_turn(self.tenant.store, said.dedupe)
            if stored.settled or is_dead:
                break
            await anyio.sleep(_LOOK)
        now = time.monotonic()
        by = stored.inbox[0].answered_by if stored.inbox else None
        self._scheduled |= {row.id: by for row in stored.outbox if by is not None and row.not_before is not None}
        arrived = [self._arrived[row.id] for row in stored.outbox if row.id in self._arrived]
        return Told(said, stored, trace, max(arrived, default=now) - said.at)

    def _hear(self, delivery: Delivery) -> None:
        self._arrived[delivery.key] = time.monotonic()
        by = self._scheduled.get(delivery.key) or self._watch.answering(delivery.to) or "bot"
        phone = delivery.to.partition("@")[0]
        self._heard(Heard(by, self.people.of(phone), phone, delivery.text))

    def _note(self, event: dict[str, Any]) -> None:
        trace = self._watch.trace(self._messages.get(str(event.get("job_id"))))
        what, error = str(event["event"]), str(event.get("error") or event.get("exc") or "")
        if what == "Attempt failed":
            failure = Failure(str(event["plugin"]), str(event["hook"]), int(event["attempt"]), error)
            trace.failures.append(failure)
            self._heard(failure)
        elif what == "Dead letter":
            trace.dead = (str(event["stage"]), error)
        elif event["level"] in ("warning", "error"):
            plugin = f"plugin {event['plugin']}: " if event.get("plugin") else ""
            self._heard(Trouble(f"{what}: {plugin}{error}".rstrip(": ")))
