"""What a plugin's methods are called with: real messages, turns and a real database."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy.ext.asyncio import create_async_engine
from sqlmodel import SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession

from auzap import Message, Plugin, Sender, State, Turn
from auzap.contract.plugin import TenantInfo
from auzap.hooks import Own
from auzap.services import Kit

__all__ = ["ORGANIZATION", "Database", "build", "database", "message_of", "turn_of"]

ORGANIZATION = "abc123"
_P = TypeVar("_P", bound=Plugin)
_CUSTOMER = Sender(role="client", phone="5511900000020")


class Database:
    """One SQLite file with all tables. As a ``TenantStore`` it guards nothing: queries must name the tenant."""

    def __init__(self, file: Path) -> None:
        self._engine = create_async_engine(f"sqlite+aiosqlite:///{file}")

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        async with AsyncSession(self._engine) as session:
            yield session

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        async with AsyncSession(self._engine) as session:
            yield session
            await session.commit()

    async def add(self, *rows: SQLModel) -> None:
        async with AsyncSession(self._engine) as session:
            session.add_all(rows)
            await session.commit()

    async def make(self) -> None:
        async with self._engine.begin() as connection:
            await connection.run_sync(SQLModel.metadata.create_all)

    async def close(self) -> None:
        await self._engine.dispose()


@asynccontextmanager
async def database(folder: Path) -> AsyncIterator[Database]:
    opened = Database(folder / "plugin.db")
    await opened.make()
    try:
        yield opened
    finally:
        await opened.close()


def build(plugin: type[_P], **options: Any) -> _P:
    """The plugin as a tenant that gives these options has it."""
    name = plugin.__name__.lower()
    tenant = TenantInfo(ORGANIZATION, "Pet Shop Centro", "America/Sao_Paulo")
    services = Kit(None).services(tenant, name, version="v1", instances=["main"], hooks=Own(name))
    return plugin(plugin.Options.model_validate(options), name=name, tenant=tenant, services=services)


def message_of(text: str, *, kind: str = "text") -> Message:
    return Message(
        kind=kind,
        event="message",
        text=text,
        chat_id="5511900000020@s.whatsapp.net",
        chat_kind="direct",
        message_id="3EB0C0FFEE",
    )


def turn_of(
    message: Message,
    store: Database,
    *,
    sender: Sender = _CUSTOMER,
    began_at: datetime | None = None,
    timezone: str = "America/Sao_Paulo",
) -> Turn:
    return Turn(
        id="0199a000-0000-7000-8000-000000000001",
        organization_id=ORGANIZATION,
        instance_id="main",
        messages=(message,),
        sender=sender,
        attempt=1,
        contact_id=None,
        conversation_id=None,
        began_at=began_at or datetime.now(UTC),
        timezone=timezone,
        config_version="v1",
        store=store,
        run_once=_never,
        states=_no_state,
    )


def _no_state(plugin: str) -> State:
    raise AssertionError("this test has no database")


async def _never(name: str, fn: Callable[[AsyncSession], Awaitable[Any]]) -> Any:
    raise AssertionError(f"nothing is decided ahead of the outcome here: {name}, {fn}")
