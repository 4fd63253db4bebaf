"""The command ``resumo``: counted in a real database, told in Portuguese."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from auzap import Sender
from auzap.tables import Contact, Conversation, MessageRow
from auzap_aurora import Aurora
from auzap_aurora.day import day_of
from tests.support.plugin_turns import ORGANIZATION, Database, build, database, message_of, turn_of

OWNER = Sender(role="owner", phone="5511900000001", owner_id="0199a000-0000-7000-8000-0000000000aa")
#: Sunday, 14:32 in São Paulo
NOW = datetime(2026, 11, 22, 17, 32, tzinfo=UTC)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Database]:
    async with database(tmp_path) as opened:
        yield opened


async def summary(store: Database, *, at: datetime = NOW, timezone: str = "America/Sao_Paulo") -> str:
    message = message_of("resumo")
    turn = turn_of(message, store, sender=OWNER, began_at=at, timezone=timezone)
    outcome = await build(Aurora).handle_message(message, OWNER, turn)
    assert outcome is not None
    return outcome.replies[0].text


def customer(number: int, *, at: datetime, organization: str = ORGANIZATION) -> list[Contact | Conversation]:
    contact = Contact(organization_id=organization, phone=f"551190000{number:04}", created_at=at)
    conversation = Conversation(organization_id=organization, contact_id=contact.id, last_message_at=at)
    return [contact, conversation]


def message(at: datetime, status: str = "delivered", *, organization: str = ORGANIZATION) -> MessageRow:
    return MessageRow(organization_id=organization, direction="inbound", status=status, created_at=at)


def reply(at: datetime, status: str = "sent") -> MessageRow:
    return MessageRow(organization_id=ORGANIZATION, direction="outbound", status=status, created_at=at)


async def test_tells_the_day_in_figures(store: Database) -> None:
    people = [row for number in range(20, 22) for row in customer(number, at=NOW)]
    known = customer(22, at=NOW - timedelta(days=3))
    await store.add(*people, *known, *(message(NOW) for _ in range(1_234)), reply(NOW), reply(NOW, "read"))
    assert await summary(store) == (
        "*Resumo de hoje* 📊\n"
        "Pet Shop Centro · domingo, 22/11, até 14:32\n"
        "\n"
        "📥 *1.234* mensagens recebidas\n"
        "📤 *2* mensagens enviadas\n"
        "👤 *2* contatos novos\n"
        "💬 *2* conversas ativas"
    )


async def test_one_is_told_in_the_singular(store: Database) -> None:
    await store.add(*customer(20, at=NOW), message(NOW), reply(NOW), reply(NOW, "failed"))
    assert (await summary(store)).splitlines()[3:] == [
        "📥 *1* mensagem recebida",
        "📤 *1* mensagem enviada",
        "👤 *1* contato novo",
        "💬 *1* conversa ativa",
        "⚠️ *1* mensagem não foi enviada",
    ]


async def test_none_is_told_in_words(store: Database) -> None:
    await store.add(message(NOW), reply(NOW, "pending"))
    assert (await summary(store)).splitlines()[4:] == [
        "📤 Nenhuma mensagem enviada",
        "👤 Nenhum contato novo",
        "💬 Nenhuma conversa ativa",
    ]


async def test_a_quiet_day_is_told_in_one_line(store: Database) -> None:
    await store.add(*customer(20, at=NOW - timedelta(days=1)), message(NOW - timedelta(days=1)))
    assert (await summary(store)).splitlines()[2:] == ["", "Ainda não houve movimento hoje. 🌱"]


async def test_a_conversation_that_was_closed_is_not_active(store: Database) -> None:
    contact, conversation = customer(20, at=NOW)
    conversation.status = "closed"
    await store.add(contact, conversation)
    assert "Nenhuma conversa ativa" in await summary(store)


async def test_half_past_eleven_at_night_belongs_to_that_day(store: Database) -> None:
    half_past_eleven = datetime(2026, 11, 23, 2, 30, tzinfo=UTC)
    await store.add(message(half_past_eleven))
    assert "*1* mensagem recebida" in await summary(store, at=half_past_eleven + timedelta(minutes=29))
    assert "não houve movimento" in await summary(store, at=half_past_eleven + timedelta(minutes=30))


async def test_midnight_begins_a_day_and_belongs_to_no_other(store: Database) -> None:
    midnight = datetime(2026, 11, 22, 3, tzinfo=UTC)
    await store.add(*customer(20, at=midnight), message(midnight))
    assert "não houve movimento" in await summary(store, at=midnight - timedelta(seconds=1))
    assert (await summary(store, at=midnight)).count("*1*") == 3


async def test_the_tenants_time_zone_decides(store: Database) -> None:
    await store.add(message(datetime(2026, 11, 22, 3, 30, tzinfo=UTC)))
    assert "*1* mensagem recebida" in await summary(store, timezone="America/Sao_Paulo")
    assert "não houve movimento" in await summary(store, timezone="America/Manaus")


async def test_another_business_is_not_counted(store: Database) -> None:
    await store.add(*customer(20, at=NOW, organization="other"), message(NOW, organization="other"))
    assert "não houve movimento" in await summary(store)


@pytest.mark.parametrize(
    ("moment", "zone", "hours"),
    [
        (datetime(2026, 11, 22, 12, tzinfo=UTC), "America/Sao_Paulo", 24),
        (datetime(2018, 11, 4, 12, tzinfo=UTC), "America/Sao_Paulo", 23),  # midnight did not exist that day
        (datetime(2018, 2, 17, 12, tzinfo=UTC), "America/Sao_Paulo", 25),
    ],
)
def test_a_day_lasts_from_midnight_to_midnight_on_the_wall(moment: datetime, zone: str, hours: int) -> None:
    day = day_of(moment, zone)
    assert day.end - day.start == timedelta(hours=hours)
    assert day_of(day.start, zone).start == day.start
    assert day_of(day.end, zone).start == day.end
