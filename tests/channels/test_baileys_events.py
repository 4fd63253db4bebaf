"""What a payload tells that is no new message."""

from __future__ import annotations

from typing import Any

import pytest

from auzap.channels.baileys import Baileys
from auzap.model.errors import BadPayload
from auzap.model.event import Event
from tests.support.whatsapp import CLIENT, LID, payload

KEY = {"remoteJid": CLIENT, "fromMe": True, "id": "TARGET"}
OTHER = {"fromMe": False, "contactPhone": "5511900000010", "contactLid": None}
PERSON = {"contactPhone": "5511900000010", "contactLid": LID}


@pytest.mark.parametrize(
    ("status", "told"),
    [
        ("ERROR", "failed"),
        (0, "failed"),
        ("DELIVERY_ACK", "delivered"),
        (3, "delivered"),
        ("READ", "read"),
        (4, "read"),
        ("PLAYED", "read"),
        (5, "read"),
    ],
)
def test_a_receipt(status: Any, told: str) -> None:
    update = {"key": {**KEY, "remoteJid": LID, "remoteJidAlt": CLIENT}, "update": {"status": status}}
    assert Baileys.event({"update": update}) == Event(
        kind="receipt", chat_id=LID, message_id="TARGET", status=told, extras=PERSON
    )


@pytest.mark.parametrize("status", [1, "PENDING", 2, "SERVER_ACK", None, False, 99, "SEEN"])
def test_an_update_that_tells_nothing(status: Any) -> None:
    assert Baileys.event({"update": {"key": KEY, "update": {"status": status}}}) is None


@pytest.mark.parametrize("kind", ["takeover", "handback"])
def test_a_person_takes_over_and_hands_back(kind: Any) -> None:
    told = {kind: {"remoteJid": "100000000000010:1@lid", "remoteJidAlt": CLIENT}}
    assert Baileys.event(told) == Event(kind=kind, chat_id=LID, extras=PERSON)


def test_an_echo_of_what_was_written_on_the_phone() -> None:
    assert Baileys.event(payload({"conversation": "Já vejo"}, key={"fromMe": True})) == Event(
        kind="echo", chat_id=CLIENT, message_id="3EB0A1", text="Já vejo", extras={**OTHER, "fromMe": True}
    )


def test_an_edit_with_its_new_text() -> None:
    content = {"protocolMessage": {"key": KEY, "type": 14, "editedMessage": {"conversation": "Ops"}}}
    assert Baileys.event(payload(content)) == Event(
        kind="edit",
        chat_id=CLIENT,
        message_id="TARGET",
        text="Ops",
        extras={**OTHER, "targetId": "TARGET", "editedKind": "text"},
    )


def test_an_edit_whose_text_is_encrypted() -> None:
    content = {"secretEncryptedMessage": {"targetMessageKey": KEY, "secretEncType": "MESSAGE_EDIT"}}
    found = Baileys.event(payload(content))
    assert found is not None
    assert (found.kind, found.message_id, found.text) == ("edit", "TARGET", None)


def test_a_revoke() -> None:
    found = Baileys.event(payload({"protocolMessage": {"key": KEY, "type": "REVOKE"}}))
    assert found == Event(kind="revoke", chat_id=CLIENT, message_id="TARGET", extras={**OTHER, "targetId": "TARGET"})


def test_a_reaction_of_either_side() -> None:
    content = {"reactionMessage": {"key": KEY, "text": "👍"}}
    for from_me in (True, False):
        assert Baileys.event(payload(content, key={"fromMe": from_me})) == Event(
            kind="reaction",
            chat_id=CLIENT,
            message_id="TARGET",
            extras={**OTHER, "fromMe": from_me, "emoji": "👍", "targetId": "TARGET"},
        )


@pytest.mark.parametrize(
    "told",
    [
        payload({"conversation": "Oi"}),
        payload({"pollUpdateMessage": {"pollCreationMessageKey": KEY}}),
        payload({"protocolMessage": {"type": "EPHEMERAL_SETTING"}}, key={"fromMe": True}),
        payload(None, messageStubType=2),
    ],
)
def test_what_is_no_event(told: Any) -> None:
    assert Baileys.event(told) is None


@pytest.mark.parametrize(
    "told", [None, 5, [], {}, {"takeover": {}}, {"update": {}}, {"update": {"key": 5}}, {"key": None}]
)
def test_what_is_neither_event_nor_message(told: Any) -> None:
    with pytest.raises(BadPayload):
        Baileys.event(told)
