"""The command ``resumo``: the day so far, in figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlmodel import col, func, select

from auzap import Turn
from auzap.tables import Contact, Conversation, MessageRow
from auzap_aurora.day import Day, day_of

if TYPE_CHECKING:
    from sqlmodel.ext.asyncio.session import AsyncSession

__all__ = ["Figures", "count", "summary"]

_LEFT = frozenset(("sent", "delivered", "read"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What happened on one day."""

    received: int = 0
    sent: int = 0
    failed: int = 0
    new_contacts: int = 0
    conversations: int = 0


async def summary(turn: Turn, business: str) -> str:
    day = day_of(turn.began_at, turn.timezone)
    async with turn.store.read() as session:
        figures = await count(session, turn.organization_id, day)
    title = f"*Resumo de hoje* 📊\n{business} · {day}, até {day.local:%H:%M}"
    return f"{title}\n\n{_told(figures)}"


async def count(session: AsyncSession, organization_id: str, day: Day) -> Figures:
    """Three aggregates, each over one tenant's rows."""
    rows = await session.exec(
        select(MessageRow.direction, MessageRow.status, func.count())
        .where(MessageRow.organization_id == organization_id)
        .where(col(MessageRow.created_at) >= day.start, col(MessageRow.created_at) < day.end)
        .group_by(MessageRow.direction, col(MessageRow.status))
    )
    messages = {(direction, status): number for direction, status, number in rows}
    contacts = await session.exec(
        select(func.count())
        .select_from(Contact)
        .where(Contact.organization_id == organization_id)
        .where(col(Contact.created_at) >= day.start, col(Contact.created_at) < day.end)
    )
    conversations = await session.exec(
        select(func.count())
        .select_from(Conversation)
        .where(Conversation.organization_id == organization_id, Conversation.status == "active")
        .where(col(Conversation.last_message_at) >= day.start, col(Conversation.last_message_at) < day.end)
    )
    return Figures(
        received=sum(number for (direction, _), number in messages.items() if direction == "inbound"),
        sent=sum(messages.get(("outbound", status), 0) for status in _LEFT),
        failed=messages.get(("outbound", "failed"), 0),
        new_contacts=contacts.one(),
        conversations=conversations.one(),
    )


def _told(figures: Figures) -> str:
    if figures == Figures():
        return "Ainda não houve movimento hoje. 🌱"
    lines = [
        f"📥 {_counted(figures.received, 'mensagem recebida', 'mensagens recebidas')}",
        f"📤 {_counted(figures.sent, 'mensagem enviada', 'mensagens enviadas')}",
        f"👤 {_counted(figures.new_contacts, 'contato novo', 'contatos novos', none='Nenhum')}",
        f"💬 {_counted(figures.conversations, 'conversa ativa', 'conversas ativas')}",
    ]
    if figures.failed:
        lines.append(f"⚠️ {_counted(figures.failed, 'mensagem não foi enviada', 'mensagens não foram enviadas')}")
    return "\n".join(lines)


def _counted(number: int, one: str, many: str, *, none: str = "Nenhuma") -> str:
    """``Nenhuma mensagem``, ``*1* mensagem``, ``*1.234* mensagens``."""
    if number == 0:
        return f"{none} {one}"
    figure = f"{number:,}".replace(",", ".")
    return f"*{figure}* {one if number == 1 else many}"
