"""Text is answered whatever it is wrapped in; what is not to be answered is not, and says why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.gateway import GatewayProcess
from tests.support.house import House, message
from tests.support.servers import ON_FILES, Standing
from tests.support.tally import assert_no_fault, people_faults
from tests.support.writing import SHIPPED, client, put_all, written

_MESSAGES, _CONTACTS = 100, 20
_IDS = [f"M{number}" for number in range(_MESSAGES)]


@ON_FILES
@pytest.mark.parametrize(
    "content",
    [
        lambda text: {"messageContextInfo": {"deviceListMetadataVersion": 2}, "conversation": text},
        lambda text: {"extendedTextMessage": {"text": text}},
        lambda text: {"conversation": text},
    ],
    ids=["messageContextInfo first", "extendedTextMessage", "conversation"],
)
async def test_text_is_answered_in_every_form(
    tmp_path: Path, standing: Standing, gateway: GatewayProcess, content: Callable[[str], dict[str, Any]]
) -> None:
    house = House(tmp_path, gateway.url, plugins=SHIPPED, **standing)
    await put_all(
        house,
        (
            message(content=content(f"#{number} oi"), phone=client(number % _CONTACTS), id=f"M{number}")
            for number in range(_MESSAGES)
        ),
    )
    await house.serve()
    assert_no_fault(house, gateway.log(), clients=_IDS)
    assert people_faults(house, _CONTACTS) == {}


@ON_FILES
@pytest.mark.parametrize(
    ("reason", "key"),
    [
        ("from_me", {"fromMe": True}),
        ("group", {"jid": "120363021234567890@g.us", "participant": f"{client(1)}@s.whatsapp.net"}),
        ("status", {"jid": "status@broadcast", "participant": f"{client(1)}@s.whatsapp.net"}),
        ("newsletter", {"jid": "120363199999999999@newsletter"}),
    ],
)
async def test_nobody_is_answered_who_did_not_ask(
    tmp_path: Path, standing: Standing, gateway: GatewayProcess, reason: str, key: dict[str, Any]
) -> None:
    house = House(tmp_path, gateway.url, plugins=SHIPPED, **standing)
    await put_all(house, (written(number, client(number % _CONTACTS), **key) for number in range(_MESSAGES)))
    await house.serve()

    assert gateway.log() == []
    rows = house.rows("SELECT message_id, state, reason FROM auzap_inbox")
    assert Counter(row["message_id"] for row in rows) == Counter(_IDS)
    assert {(row["state"], row["reason"]) for row in rows} == {("done", reason)}
    for table in ("contacts", "conversations", "messages", "ai_interactions", "auzap_outbox"):
        assert house.one(f"SELECT count(*) FROM {table}") == 0, table
    assert await house.dead() == []
