"""Plugins for the tests: one that keeps books, and some that misbehave on demand."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
from pydantic import field_validator
from sqlmodel import Field
from sqlmodel.ext.asyncio.session import AsyncSession

import auzap
from auzap import Event, Interaction, Message, Outcome, Reply, Sender, Turn
from auzap.tables import TenantRow, UtcDateTime, now


class Note(TenantRow, table=True):
    """A record that a handler returned."""

    __tablename__ = "trouble_notes"

    id: int | None = Field(default=None, primary_key=True)
    message_id: str
    text: str
    at: datetime = Field(default_factory=now, sa_type=UtcDateTime)


class Booking(TenantRow, table=True):
    """What ``turn.once`` decided."""

    __tablename__ = "trouble_bookings"

    id: int | None = Field(default=None, primary_key=True)
    turn_id: str


class Entry(TenantRow, table=True):
    """What a ``persist`` hook wrote."""

    __tablename__ = "trouble_entries"

    id: int | None = Field(default=None, primary_key=True)
    turn_id: str
    replies: int


class Unpaused(auzap.Options):
    """Failing is what these are for: they are not left alone for it."""

    breaker: auzap.Breaker | None = None


class Scribe(auzap.Plugin):
    """Answers every message once, with a record, a booking and an interaction."""

    class Options(auzap.Options):
        replies: int = 1
        delay: auzap.Duration = 0.0

    tables = (Note, Booking)

    @auzap.hookimpl
    async def handle_message(self, message: Message, turn: Turn) -> Outcome:
        async def book(session: AsyncSession) -> str:
            session.add(Booking(turn_id=turn.id))
            return turn.id

        await turn.once("book", book)
        await asyncio.sleep(self.options.delay)
        texts = [f"re {n}: {message.text}" for n in range(self.options.replies)]
        return Outcome(
            [Reply(text) for text in texts],
            records=[Note(message_id=message.message_id or "", text=message.text)],
            interaction=Interaction(prompt=message.text, response=texts[0], model_used="rules"),
        )


class Trouble(auzap.Plugin):
    """Does what the message says: ``!raise``, ``!exit``, ``!hang`` …; else it answers."""

    Options = Unpaused

    @auzap.hookimpl
    async def handle_message(self, message: Message, turn: Turn) -> Any:
        match message.text.split():
            case ["!raise", *_]:
                raise RuntimeError("the plugin is broken")
            case ["!kill", *_]:
                os.kill(os.getpid(), signal.SIGKILL)
            case ["!exit", *_]:
                raise SystemExit(3)
            case ["!hang", *_]:
                await asyncio.sleep(3600)
            case ["!nonsense", *_]:
                return 42
            case ["!block", seconds, *_]:
                time.sleep(float(seconds))  # noqa: ASYNC251 - that is the point
            case ["!block-gate", *_]:
                while not _is_open():
                    time.sleep(0.01)  # noqa: ASYNC251 - that is the point
            case ["!block-behind", seconds, *_]:
                asyncio.get_running_loop().call_later(0.1, time.sleep, float(seconds))
                await asyncio.sleep(3600)
            case ["!once-fails", attempts, *_] if turn.attempt <= int(attempts):
                raise RuntimeError(f"attempt {turn.attempt} fails")
            case ["!record", *_]:
                twice = [Note(id=1, message_id="x", text="the same id"), Note(id=1, message_id="x", text="twice")]
                return Outcome([Reply("stored?")], records=twice)
            case ["!other-tenant", *_]:
                return Outcome([Reply("no")], records=[Note(organization_id="other", message_id="x", text="x")])
            case ["!silence", *_]:
                return []
            case ["!pass", *_]:
                return None
            case ["!later", seconds, *_]:
                return Reply("later", not_before=datetime.now(UTC) + timedelta(seconds=float(seconds)))
            case ["!slow", seconds, *_]:
                await asyncio.sleep(float(seconds))
            case ["!gate", *_]:
                while not _is_open():  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
            case ["!swallow", *_]:
                with suppress(asyncio.CancelledError):
                    await asyncio.sleep(3600)
            case ["!deaf", *_]:
                await _be_deaf(None)
            case ["!deaf-once", *_]:
                await turn.once("deaf", _be_deaf)
            case ["!background", *_]:
                self.background = asyncio.create_task(_be_deaf(None))
                await asyncio.sleep(3600)
            case ["!shield", *_]:
                with anyio.CancelScope(shield=True):
                    await asyncio.sleep(3600)
            case ["!open-session", *_]:
                await turn.store.read().__aenter__()
                await asyncio.sleep(3600)
            case ["!keyboard", *_]:
                raise KeyboardInterrupt
            case ["!close", *_]:
                raise GeneratorExit
            case ["!slow-pid", *_]:
                await asyncio.sleep(0.05)
                return Reply(f"{os.getpid()} {message.text}")
            case ["!pid", *_]:
                return Reply(f"{os.getpid()} {message.text}")
            case ["!many", number, *_]:
                return [Reply(f"part {n} of {message.text}") for n in range(int(number))]
        return Reply(f"ok: {message.text}")


def _is_open() -> bool:
    """The test opens the gate for all workers, or for one."""
    return Path("gate").exists() or Path(f"gate-{os.getpid()}").exists()


async def _be_deaf(session: object) -> None:
    while True:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(3600)


class SlowBook(auzap.Plugin):
    """Keeps a transaction open for as long as it is let."""

    @auzap.hookimpl
    async def handle_message(self, turn: Turn) -> Reply:
        async def book(session: AsyncSession) -> str:
            await asyncio.sleep(3600)
            return "never"

        await turn.once("book", book)
        return Reply("booked")


class Threaded(auzap.Plugin):
    """A plain function: runs in a worker thread."""

    @auzap.hookimpl
    def handle_message(self, message: Message) -> Reply:
        if message.text.startswith("!hang"):
            time.sleep(30)
        return Reply(f"thread: {message.text}")


class Ledger(auzap.Plugin):
    """Writes in the transaction that stores the outcome."""

    class Options(Unpaused):
        fail: bool = False

    tables = (Entry,)

    @auzap.hookimpl
    async def persist(self, session: AsyncSession, outcome: Outcome, turn: Turn) -> None:
        session.add(Entry(turn_id=turn.id, replies=len(outcome.replies)))
        await session.flush()
        if self.options.fail or any(message.text.startswith("!unbookable") for message in turn.messages):
            raise RuntimeError("the ledger is full")


class Reviewer(auzap.Plugin):
    """Signs every reply."""

    @auzap.hookimpl
    async def review_replies(self, replies: Sequence[Reply]) -> Sequence[Reply]:
        return [Reply(f"{reply.text} — assinado", reply.not_before) for reply in replies]


class Doorman(auzap.Plugin):
    """Classifies; fails when asked to."""

    Options = Unpaused

    @auzap.hookimpl
    async def classify_sender(self, message: Message) -> Sender | None:
        if message.text.startswith("!who"):
            raise LookupError("nobody knows")
        return Sender(role="vip", phone=message.contact_phone) if message.text.startswith("!vip") else None


class Witness(auzap.Plugin):
    """Notes every event that it hears of."""

    class Options(auzap.Options):
        file: str
        delay: auzap.Duration = 0.0

    @auzap.hookimpl
    async def handle_event(self, event: Event) -> None:
        await asyncio.sleep(self.options.delay)
        with open(self.options.file, "a", encoding="utf-8") as file:  # noqa: ASYNC230, PTH123
            file.write(f"{event.kind} {event.chat_id} {event.message_id} {event.status} {dict(event.extras)}\n")


class Fragile(auzap.Plugin):
    """Notes each of its instances; may fail to start."""

    class Options(auzap.Options):
        file: str = ""
        how: str = "well"

        @field_validator("how")
        @classmethod
        def _look_up(cls, how: str) -> str:
            return {"missing": lambda: str(Path("/nowhere/prices.yaml").stat())}.get(how, lambda: how)()

    def __init__(self, options: Options, **more: Any) -> None:
        super().__init__(options, **more)
        if options.file:
            with Path(options.file).open("a", encoding="utf-8") as file:
                file.write(f"{self.tenant.id}\n")
        if options.how == "raises":
            raise LookupError("no price list")
        if options.how == "exits":
            raise SystemExit(3)
