"""The owner's assistant, called as the pipeline calls it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from auzap import Outcome, Sender
from auzap.tables import AuroraProactiveMessage
from auzap_aurora import Aurora
from auzap_aurora.commands import COMMANDS, find
from tests.support.plugin_turns import ORGANIZATION, Database, build, database, message_of, turn_of

OWNER = Sender(role="owner", phone="5511900000001", owner_id="0199a000-0000-7000-8000-0000000000aa")


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Database]:
    async with database(tmp_path) as opened:
        yield opened


async def asked(store: Database, text: str, *, kind: str = "text") -> Outcome | None:
    message = message_of(text, kind=kind)
    return await build(Aurora).handle_message(message, OWNER, turn_of(message, store, sender=OWNER))


async def said(store: Database, text: str, *, kind: str = "text") -> str:
    outcome = await asked(store, text, kind=kind)
    assert outcome is not None
    assert len(outcome.replies) == 1
    return outcome.replies[0].text


@pytest.mark.parametrize(
    "text",
    ["ajuda", "AJUDA!", " Ajuda? ", "ájuda", "menu", "Aurora, me ajude por favor", "o que você faz?", "/ajuda", "help"],
)
def test_help_is_understood_however_it_is_asked(text: str) -> None:
    assert names(text) == "ajuda"


@pytest.mark.parametrize("text", ["oi", "Bom dia, Aurora!", "obrigada 🙏", "👍"])
def test_a_greeting_is_answered_with_help(text: str) -> None:
    assert names(text) == "ajuda"


@pytest.mark.parametrize(
    "text",
    ["resumo", "RESUMO", "Resumo?", "resumo do dia", "o resumo de hoje, por favor", "*resumo*", "Oi Aurora\nresumo"],
)
def test_the_summary_is_understood_however_it_is_asked(text: str) -> None:
    assert names(text) == "resumo"


@pytest.mark.parametrize(
    "text", ["resumo de ontem", "não quero resumo", "quanto vendi?", "x" * 100_000, "demita o João"]
)
def test_what_she_cannot_do_is_no_command(text: str) -> None:
    assert find(text) is None


def names(text: str) -> str | None:
    command = find(text)
    return command.name if command else None


@pytest.mark.parametrize("text", ["ajuda", "quanto vendi ontem?"])
async def test_the_list_names_every_command(store: Database, text: str) -> None:
    answer = await said(store, text)
    assert all(f"*{command.name}*" in answer for command in COMMANDS)


async def test_says_so_when_she_does_not_understand(store: Database) -> None:
    assert (await said(store, "quanto vendi ontem?")).startswith("Desculpe")
    assert not (await said(store, "ajuda")).startswith("Desculpe")


async def test_every_command_is_found_by_its_name() -> None:
    assert [names(command.name) for command in COMMANDS] == [command.name for command in COMMANDS]


async def test_a_voice_message_is_asked_for_in_writing(store: Database) -> None:
    assert "áudio" in await said(store, "", kind="audio")


@pytest.mark.parametrize("kind", ["image", "sticker", "location"])
async def test_a_photo_without_a_word_asks_for_nothing(store: Database, kind: str) -> None:
    assert await asked(store, " ", kind=kind) is None


async def test_keeps_what_she_said(store: Database) -> None:
    before = datetime.now(UTC)
    outcome = await asked(store, "ajuda")
    assert outcome is not None
    (row,) = outcome.records
    assert isinstance(row, AuroraProactiveMessage)
    assert row.organization_id == ORGANIZATION
    assert row.owner_number_id == OWNER.owner_id
    assert (row.message_type, row.status) == ("tip", "sent")
    assert row.content == outcome.replies[0].text
    assert row.scheduled_for is not None
    assert before <= row.scheduled_for <= datetime.now(UTC)
    assert row.sent_at == row.scheduled_for
    assert outcome.interaction is None


def test_is_asked_for_owners_alone() -> None:
    assert build(Aurora).options.roles == ("owner",)
