"""The bot of a test: people write to it, and it answers as it would in production."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from sqlmodel import SQLModel, col, select

from auzap.contract.plugin import Plugin
from auzap.contract.queue import DeadLetter, Envelope
from auzap.hooks import Calls
from auzap.model.errors import HookFailed
from auzap.model.turn import Chat
from auzap.pipeline.accept import accept
from auzap.storage.store import Trace
from auzap.tables import InboxRow, OutboxRow
from auzap.testing.clock import Clock, duration
from auzap.testing.gateway import Gateway, Number, number_of
from auzap.testing.house import House, housed
from auzap.testing.people import Person
from auzap.testing.replies import Heard, PluginFailed, Replies, Scheduled
from auzap.testing.scratch import scratch
from auzap.testing.setup import TENANT, Setup, Using, configured

__all__ = ["Bot", "open_bot", "setup_from"]

Row = TypeVar("Row", bound=SQLModel)

#: stops of the clock while a test waits
_MOMENTS = 2_000
#: a plugin's failures; what a gateway refused is told by ``Replies``
_OF_PLUGINS = ("handle", "normalize")


class Bot:
    """One tenant at work: the real pipeline, queue and database. Only gateway and clock are in the test's hands.

    :param tenant: its id.
    :param client: the phone of whoever writes unless somebody else is named.
    """

    def __init__(self, house: House, tenant: str, client: str) -> None:
        self._house = house
        self.tenant_id = tenant
        self._client = client
        self._people: dict[str, Person] = {}
        #: put it forward: ``bot.clock.advance(hours=2)``
        self.clock: Clock = house.clock
        #: make it refuse, lose answers, be slow or away; ``sent`` is what arrived
        self.gateway: Gateway = house.gateway

    # ------------------------------------------------------------------ people

    def person(self, phone: str, *, name: str | None = None, lid: str | None = None) -> Person:
        """Whoever has this phone; the same phone gives the same person."""
        person = Person(self, phone, name=name, lid=lid)
        return self._people.setdefault(person.phone, person)

    @property
    def client(self) -> Person:
        """The customer who writes where nobody else is named."""
        return self.person(self._client)

    @property
    def owner(self) -> Person:
        """The first of the owners.

        :raises LookupError: the tenant has none.
        """
        phones = self._house.phones(self.tenant_id)
        if not phones:
            raise LookupError(f"tenant {self.tenant_id} has no owner: name one in Setup.owners")
        return self.person(phones[0])

    async def says(
        self, *texts: str, phone: str | None = None, name: str | None = None, instance: str | None = None
    ) -> Replies:
        """Have a customer write, and wait for what comes back.

        :param phone: whose; by default ``bot.client``'s.
        :param name: as WhatsApp tells it with the message.
        :raises PluginFailed: a plugin failed at every attempt.
        """
        person = self.client if phone is None else self.person(phone)
        if name is not None:
            person.name = name
        return await person.says(*texts, instance=instance)

    async def sends(self, payload: Any, *, instance: str | None = None) -> Replies:
        """Have the gateway post this, whatever it is: a message, a list of them, receipts, ``{"takeover": …}``.

        :return: what came back to whoever wrote.
        :raises BadPayload: it is not even the gateway's form.
        """
        return await self.hears(None, [payload], instance=instance)

    # ------------------------------------------------------------------ time

    async def run_due(self) -> Replies:
        """Do what is due by now: scheduled replies leave, ``@auzap.every`` and ``@auzap.daily`` methods run.

        What is due several times over is done once, as by a worker that was down meanwhile; see ``wait``.
        """
        before = len(self.gateway.sent)
        await self._do_due()
        return Replies(self._heard(before))

    async def wait(self, by: timedelta | str | None = None, **parts: float) -> Replies:
        """Let time pass: the clock stops at each moment at which something is due, and it is done.

        :param by: such as ``"2h"``, or ``hours=2``.
        :return: what arrived meanwhile, at anybody's phone.
        """
        before, until = len(self.gateway.sent), self.clock.tell() + duration(by, **parts)
        await self._do_due()
        for _ in range(_MOMENTS):
            due = self._house.works.next_due(before=until)
            if due is None:
                break
            self.clock.reach(due)
            await self._do_due()
        else:
            raise RuntimeError(f"something is due at more than {_MOMENTS} moments: use clock.advance() and run_due()")
        self.clock.reach(until)
        await self._do_due()
        return Replies(self._heard(before))

    # ------------------------------------------------------------------ what is stored

    async def rows(self, table: type[Row], *where: Any) -> list[Row]:
        """The tenant's rows of a table, a plugin's or one of ``auzap.tables``, by primary key.

        :param where: conditions, such as ``Booking.day == "2026-05-04"``.
        """
        keys = [col(getattr(table, key.name)) for key in table.__table__.primary_key]  # type: ignore[attr-defined]
        async with self._house.works.store.tenant(self.tenant_id).read() as session:
            return list((await session.exec(select(table).where(*where).order_by(*keys))).all())

    async def add(self, *rows: SQLModel) -> None:
        """Store rows of the tenant's, as if they had been there before."""
        async with self._house.works.store.tenant(self.tenant_id).transaction() as session:
            session.add_all(rows)

    async def state(self, plugin: str, *, person: Person | None = None, instance: str | None = None) -> dict[str, Any]:
        """What a plugin remembers of a chat and has not expired.

        :param plugin: its name in the YAML.
        :param person: whose chat; by default ``bot.client``'s.
        """
        chat = Chat(instance or self._instance, (person or self.client).chat_id)
        return await self._house.works.store.state_of(self.tenant_id, chat, plugin, at=self.clock.tell())

    async def dead(self) -> list[DeadLetter]:
        """The tenant's dead letters, oldest first."""
        return await self._house.queue.dead(tenant=self.tenant_id, limit=1000)

    async def trace(self, replies: Replies) -> list[Trace]:
        """Who was asked about the message that was answered so, what each said and how long it took: an attempt each.

        :param replies: as ``says`` returned them.
        """
        if replies.turn_id is None:
            return []
        await self._house.works.write_traces()
        return await self._house.works.store.traces_of(replies.turn_id, limit=100, organization_id=self.tenant_id)

    @property
    def log(self) -> list[dict[str, Any]]:
        """Every line that was logged, of all tenants: ``{"level": …, "event": …}``."""
        return self._house.tap.events

    # ------------------------------------------------------------------ trouble

    def crash_at(self, point: str, *, nth: int = 1) -> None:
        """Cut the worker off there, the next time, as ``kill -9`` would; a new one, with new plugins, goes on.

        A point that is not reached until the bot is closed fails the test.

        :param point: ``after_lease``, ``after_record``, ``in_handler``, ``before_persist``, ``before_commit``,
            ``after_persist``, ``after_claim``, ``after_accepted``, ``after_note`` or ``before_ack``.
        :param nth: which time that it is reached, counted from now.
        :raises ValueError: there is no such point.
        """
        self._house.works.crashes.arm(point, nth)

    @property
    def crashes(self) -> int:
        """How many workers died."""
        return self._house.works.crashes.count

    async def restart(self) -> None:
        """Stop the worker as SIGTERM would, and start a new one: what plugins keep in memory is gone."""
        await self._house.works.restart()

    def forgive(self) -> None:
        """Take back what ``crash_at`` was told and has not happened."""
        self._house.works.crashes.disarm()

    async def plugins(self) -> Mapping[str, Plugin]:
        """The plugins as they are in memory now, by their names in the YAML; after a crash there are others."""
        async with self._house.works.tenants.use(self.tenant_id) as tenant:
            return tenant.plugins

    async def run_schedule(self, plugin: str, method: str) -> HookFailed | None:
        """Run a method that is marked with ``every`` or ``daily`` now, whether it is due or not; then do what is due.

        :return: how it failed.
        """
        try:
            async with self._house.works.tenants.use(self.tenant_id) as tenant:
                await tenant.hooks.run_schedule(plugin, method)
        except HookFailed as failure:
            return failure
        await self._do_due()
        return None

    @property
    def calls(self) -> Calls:
        """The hook calls that are going on."""
        return self._house.works.calls

    @property
    def folder(self) -> Path:
        """Where ``queue.db`` and ``auzap.db`` are."""
        return self._house.config.base

    def tenant(self, tenant_id: str) -> Bot:
        """Another tenant of ``Setup.others``, with the same clock, gateway and database.

        :raises LookupError: there is none of that id.
        """
        if tenant_id not in self._house.config.tenants:
            raise LookupError(f"no tenant {tenant_id!r}: name it in Setup.others")
        return Bot(self._house, tenant_id, self._client)

    # ------------------------------------------------------------------ inside

    @property
    def _instance(self) -> str:
        return next(iter(self._house.config.tenants[self.tenant_id].instances))

    async def hears(self, person: Person | None, payloads: Sequence[Any], *, instance: str | None = None) -> Replies:
        """What ``Person.says`` and ``sends`` come to.

        :param person: whose replies are wanted; None: those of whoever wrote.
        """
        house = self._house
        if house.looked_at != self.clock.ahead:
            await self._do_due()  # time has passed: what was due then came before
        before = len(self.gateway.sent)
        envelopes = await self.posts(payloads, instance=instance)
        burst = house.config.tenants[self.tenant_id].burst
        if burst is not None and any(one.kind == "message" for one in envelopes):
            self.clock.advance(seconds=burst.window)
            await self._do_due()
        return await self._replies(envelopes, person, before)

    async def posts(self, payloads: Sequence[Any], *, instance: str | None = None) -> list[Envelope]:
        """Have the gateway post them together, and work until nothing is ready; what came of it is not looked at."""
        envelopes = [one for payload in payloads for one in self._accepted(payload, instance or self._instance)]
        await self._house.queue.put(envelopes)
        await self._house.works.run()
        return envelopes

    def _accepted(self, payload: Any, instance: str) -> Iterable[Envelope]:
        at = self.clock.tell().timestamp()
        return [replace(one, accepted_at=at) for one in accept(self.tenant_id, instance, Number, payload)]

    async def _do_due(self) -> None:
        self._house.looked_at = self.clock.ahead
        await self._house.works.do_due()

    async def _replies(self, envelopes: Sequence[Envelope], person: Person | None, before: int) -> Replies:
        dead = [letter for letter in await self.dead() if letter.id in {one.id for one in envelopes}]
        self._raise_failure(dead)
        inbox = await self._inbox(envelopes)
        outbox = await self.rows(OutboxRow, col(OutboxRow.turn_id).in_({row.turn_id for row in inbox}))
        chats = {person.chat_id} if person is not None else {row.chat_id for row in inbox}
        heard = [one for one in self._heard(before) if one.sent.to in chats]
        last = inbox[-1] if inbox else None
        return Replies(
            heard,
            answered_by=last.answered_by if last is not None else None,
            reason=last.reason if last is not None else dead[-1].reason if dead else None,
            role=last.sender_role if last is not None else None,
            state="dead" if dead else "waits" if last is not None and last.state not in _SETTLED else "done",
            scheduled=[
                Scheduled(row.content, row.not_before)
                for row in sorted(outbox, key=lambda row: (row.turn_id or "", row.ordinal))
                if row.not_before is not None and row.state == "pending"
            ],
            dead=dead[-1] if dead else None,
            turn_id=last.turn_id if last is not None else None,
        )

    async def _inbox(self, envelopes: Sequence[Envelope]) -> list[InboxRow]:
        """Of these messages, in their order."""
        found = await self.rows(InboxRow, col(InboxRow.envelope_id).in_([one.id for one in envelopes]))
        places = {one.id: place for place, one in enumerate(envelopes)}
        return sorted(found, key=lambda row: places[row.envelope_id])

    def _raise_failure(self, dead: Sequence[DeadLetter]) -> None:
        for letter in dead:
            failure = self._house.tap.failures.get(letter.id)
            if letter.stage in _OF_PLUGINS and failure is not None:
                raise PluginFailed(f"{failure} ({letter.attempts} attempts)") from failure.__cause__

    def _heard(self, before: int) -> list[Heard]:
        return [Heard(sent) for sent in self.gateway.sent[before:] if sent.tenant == self.tenant_id]


_SETTLED = ("done", "dead")


@asynccontextmanager
async def open_bot(
    *plugins: type[Plugin] | str | Using | Setup,
    folder: Path | None = None,
    **options: Any,
) -> AsyncIterator[Bot]:
    """A bot with these plugins, in the order in which they are asked; or as a ``Setup`` says.

    :param folder: for its queue and its database; by default a temporary one.
    :param options: of the first plugin.
    :raises ConfigError: :raises PluginError: an option or a plugin is wrong.
    """
    setup = setup_from(plugins, options)
    clock = Clock(setup.now, setup.timezone)
    gateway = Gateway(clock.tell)
    async with AsyncExitStack() as stack:
        where = folder or stack.enter_context(scratch())
        config, registry = configured(setup, where, number_of(gateway))
        house = await stack.enter_async_context(housed(config, registry, clock, gateway))
        bot = Bot(house, TENANT, setup.client)
        yield bot
        missed = house.works.crashes.armed
        assert not missed, f"crash_at: never reached: {', '.join(missed)}"  # noqa: S101 - for a test


def setup_from(plugins: Sequence[type[Plugin] | str | Using | Setup], options: Mapping[str, Any]) -> Setup:
    """What plugins, with options of the first of them, come to."""
    if len(plugins) == 1 and isinstance(plugins[0], Setup):
        if options:
            raise TypeError("options belong to a plugin: write Setup(plugins=[uses(MyPlugin, …)])")
        return plugins[0]
    found = [one for one in plugins if not isinstance(one, Setup)]
    if len(found) < len(plugins):
        raise TypeError("a Setup names the plugins itself")
    if not found:
        raise TypeError("a bot has at least one plugin")
    if options:
        first = found[0]
        given = first if isinstance(first, Using) else Using(first)
        found[0] = Using(given.plugin, {**given.options, **options}, given.name)
    return Setup(plugins=found)
