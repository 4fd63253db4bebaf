"""Who wrote, where and when: the parts of a message around its content, in every form that Baileys gives them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from auzap.channels.baileys import Baileys
from auzap.model.errors import BadPayload
from tests.support.whatsapp import CLIENT, GROUP, LID, payload

OI = {"conversation": "Oi"}
PHONE = "5511900000010"
OTHER = "5511900000011"


@pytest.mark.parametrize("nothing", [None, 5, "text", True, [], [{"key": {}}]])
def test_what_is_no_object_is_no_message(nothing: Any) -> None:
    with pytest.raises(BadPayload, match="expected an object"):
        Baileys.normalize(nothing)


@pytest.mark.parametrize("given", [{}, {"key": None}, {"key": "3EB0"}, {"key": []}, {"message": OI}])
def test_what_has_no_key_is_no_message(given: Any) -> None:
    with pytest.raises(BadPayload, match='no "key" object'):
        Baileys.normalize(given)


# ------------------------------------------------------------------ chats and people


@pytest.mark.parametrize(
    ("jid", "chat_id", "kind", "dispatch"),
    [
        (CLIENT, CLIENT, "direct", True),
        (f"{PHONE}:12@s.whatsapp.net", CLIENT, "direct", True),
        (f"{PHONE}@c.us", CLIENT, "direct", True),
        (f"{PHONE}:99@hosted", CLIENT, "direct", True),
        (LID, LID, "direct", True),
        ("100000000000010:20@lid", LID, "direct", True),
        ("100000000000010@hosted.lid", LID, "direct", True),
        (GROUP, GROUP, "group", True),
        ("status@broadcast", "status@broadcast", "status", False),
        ("1600000000@broadcast", "1600000000@broadcast", "broadcast", False),
        ("120363000000000010@newsletter", "120363000000000010@newsletter", "newsletter", False),
        ("867051314767696@bot", "867051314767696@bot", "bot", False),
        ("0@s.whatsapp.net", "0@s.whatsapp.net", "system", False),
        ("p", "", "unknown", False),
        (None, "", "unknown", False),
        (5, "", "unknown", False),
        ({}, "", "unknown", False),
    ],
)
def test_the_chat(jid: Any, chat_id: str, kind: str, dispatch: bool) -> None:
    message = Baileys.normalize(payload(OI, jid=jid))
    assert (message.chat_id, message.chat_kind, message.dispatch) == (chat_id, kind, dispatch)


@pytest.mark.parametrize(
    ("key", "more", "phone", "lid"),
    [
        # 7.x: the other address stands beside the first, either way round, and may carry a device
        ({"remoteJid": CLIENT, "remoteJidAlt": "100000000000010:20@lid"}, {}, PHONE, LID),
        ({"remoteJid": LID, "remoteJidAlt": f"{PHONE}:3@s.whatsapp.net", "addressingMode": "lid"}, {}, PHONE, LID),
        # 6.7.19 to 6.7.24
        ({"remoteJid": LID, "senderPn": CLIENT, "senderLid": "100000000000011@lid"}, {}, PHONE, LID),
        ({"remoteJid": CLIENT, "senderLid": LID}, {}, PHONE, LID),
        # history loses the alternate: no phone, and never the digits of the LID
        ({"remoteJid": LID}, {}, None, LID),
        # what left from here: the other person is the one whom it went to, the sender is this number
        ({"remoteJid": LID, "fromMe": True, "senderPn": f"{OTHER}@s.whatsapp.net"}, {}, None, LID),
        ({"remoteJid": LID, "fromMe": True, "remoteJidAlt": CLIENT}, {}, PHONE, LID),
        # a group's author
        ({"remoteJid": GROUP, "participant": LID, "participantAlt": CLIENT}, {}, PHONE, LID),
        ({"remoteJid": GROUP, "participant": LID, "participantPn": CLIENT}, {}, PHONE, LID),
        ({"remoteJid": GROUP, "participant": CLIENT, "participantLid": LID}, {}, PHONE, LID),
        ({"remoteJid": GROUP, "participant": ""}, {"participant": f"{PHONE}:1@c.us"}, PHONE, None),
        ({"remoteJid": f"{OTHER}-1600000000@g.us", "participant": CLIENT}, {}, PHONE, None),
        ({"remoteJid": GROUP}, {}, None, None),
        ({"remoteJid": "status@broadcast", "participant": CLIENT}, {}, PHONE, None),
        ({"remoteJid": "1600000000@broadcast", "participant": LID}, {}, None, LID),
        ({"remoteJid": "status@broadcast", "participant": LID, "remoteJidAlt": CLIENT}, {}, PHONE, LID),
        ({"remoteJid": CLIENT, "participant": f"{OTHER}@s.whatsapp.net"}, {}, PHONE, None),
        ({"remoteJid": "1234@s.whatsapp.net"}, {}, None, None),
        ({"remoteJid": 5, "remoteJidAlt": [CLIENT]}, {}, None, None),
    ],
)
def test_the_person(key: dict[str, Any], more: dict[str, Any], phone: str | None, lid: str | None) -> None:
    message = Baileys.normalize(payload(OI, key=key, **more))
    assert (message.contact_phone, message.contact_lid) == (phone, lid)


@pytest.mark.parametrize(
    ("told", "found"), [("Cliente", "Cliente"), ("", None), ("  ", None), (None, None), (5, None), ({}, None)]
)
def test_the_name_that_a_person_goes_by(told: Any, found: str | None) -> None:
    assert Baileys.normalize(payload(OI, pushName=told)).push_name == found


@pytest.mark.parametrize(
    ("told", "from_me"),
    [(True, True), (1, True), ("true", True), (False, False), (None, False), (0, False), ("false", False), ({}, False)],
)
def test_what_left_from_here_is_never_answered(told: Any, from_me: bool) -> None:
    message = Baileys.normalize(payload(OI, key={"fromMe": told}))
    assert message.from_me == from_me
    assert message.dispatch != from_me


@pytest.mark.parametrize(
    ("told", "found"),
    [("3EB0A1", "3EB0A1"), ("", None), (" ", None), (None, None), (5, None), ([], None), ("A" * 257, None)],
)
def test_without_an_id_of_its_own_it_is_not_answered(told: Any, found: str | None) -> None:
    message = Baileys.normalize(payload(OI, id=told))
    assert message.message_id == found
    assert message.dispatch == (found is not None)


# ------------------------------------------------------------------ dialects


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        (1_790_000_000, 1_790_000_000),
        ("1790000000", 1_790_000_000),
        (1_790_000_000.0, 1_790_000_000),
        ({"low": 1_790_000_000, "high": 0, "unsigned": True}, 1_790_000_000),
        ({"low": 1_790_000_000, "high": 0, "unsigned": False}, 1_790_000_000),
        ({"low": -1_794_967_296, "high": 0, "unsigned": True}, 2_500_000_000),  # the low half has a sign
        ({"low": 705_032_704, "high": 1, "unsigned": True}, 5_000_000_000),
        ({"low": 0, "high": -1, "unsigned": False}, None),
        ({"low": -1, "high": -1, "unsigned": True}, None),
        ({"low": "1", "high": 0}, None),
        (1_790_000_000_000_000, None),
        (0, None),
        (-5, None),
        (True, None),
        ("", None),
        ("soon", None),
        ("1" * 5000, None),
        (10**400, None),
        (float("nan"), None),
        (float("inf"), None),
        (None, None),
        ([], None),
    ],
)
def test_the_time_in_every_form(told: Any, seconds: int | None) -> None:
    assert Baileys.normalize(payload(OI, messageTimestamp=told)).timestamp == seconds


BYTES = ["aGVsbG8=", {"type": "Buffer", "data": [104]}, {"type": "Buffer", "data": "aA=="}, {"0": 104, "1": 101}]


@pytest.mark.parametrize("some_bytes", BYTES)
@pytest.mark.parametrize("length", [2048, "2048", {"low": 2048, "high": 0, "unsigned": True}])
def test_bytes_and_numbers_of_every_dialect(some_bytes: Any, length: Any) -> None:
    content = {"imageMessage": {"caption": "Este", "mediaKey": some_bytes, "fileLength": length, "scanLengths": []}}
    message = Baileys.normalize(payload({**content, "messageContextInfo": {"messageSecret": some_bytes}}))
    assert (message.text, message.extras["fileLength"]) == ("Este", 2048)


def test_a_message_of_history_that_lost_the_fields_of_its_key() -> None:
    told = {
        "key": {"remoteJid": LID, "fromMe": False, "id": "3EB0A1"},
        "message": OI,
        "messageTimestamp": "1790000000",
        "status": "PENDING",
    }
    message = Baileys.normalize(told)
    assert (message.text, message.contact_lid, message.timestamp) == ("Oi", LID, 1_790_000_000)


def test_evolution_puts_the_quote_beside_the_content() -> None:
    context = {"stanzaId": "Q1", "mentionedJid": [LID], "isForwarded": True}
    message = Baileys.normalize(payload(OI, contextInfo=context))
    assert (message.quoted_id, message.mentions, message.forwarded) == ("Q1", (LID,), True)


# ------------------------------------------------------------------ what it refers to


def test_what_is_quoted_mentioned_and_forwarded() -> None:
    context = {"stanzaId": "Q1", "mentionedJid": [LID, 5, None, CLIENT], "isForwarded": True}
    for content in (
        {"extendedTextMessage": {"text": "Oi", "contextInfo": context}},
        {"ephemeralMessage": {"message": {"imageMessage": {"contextInfo": context}}}},
    ):
        message = Baileys.normalize(payload(content, contextInfo={"stanzaId": "other"}))
        assert (message.quoted_id, message.mentions, message.forwarded) == ("Q1", (LID, CLIENT), True)


@pytest.mark.parametrize("context", [None, 5, "x", [], {}, {"stanzaId": 5, "mentionedJid": "x", "isForwarded": "no"}])
def test_nothing_is_quoted_mentioned_or_forwarded(context: Any) -> None:
    message = Baileys.normalize(payload({"extendedTextMessage": {"text": "Oi", "contextInfo": context}}))
    assert (message.quoted_id, message.mentions, message.forwarded) == (None, (), False)


def test_a_view_once_message_that_this_device_may_not_see() -> None:
    message = Baileys.normalize(payload(None, key={"isViewOnce": True}))
    assert (message.kind, message.view_once, message.dispatch) == ("view_once_unavailable", True, False)


# ------------------------------------------------------------------ text


@pytest.mark.parametrize(
    ("told", "text"),
    [
        ("a\0b", "ab"),
        ("\0", ""),
        ("a\ud83d", "a\ufffd"),
        ("\ude00b", "\ufffdb"),
        ("\ud83d\ude00", "😀"),
        ("🐾", "🐾"),
        ("a\u0300" * 90_000, "a\u0300" * 90_000),
        ("x" * 10_000_000, "x" * 10_000_000),
    ],
)
def test_text_is_whole_and_can_be_stored(told: str, text: str) -> None:
    assert Baileys.normalize(payload({"conversation": told})).text == text


def test_a_lone_surrogate_survives_json_and_is_replaced() -> None:
    told = json.loads(json.dumps(payload({"conversation": "oi \ud800"}, pushName="\udfff", id="A\udc00")))
    message = Baileys.normalize(told)
    assert (message.text, message.push_name, message.message_id) == ("oi \ufffd", "\ufffd", "A\ufffd")
