"""Messages that the real Baileys made (``scripts/baileys-messages``), in each of its dialects and in Evolution's."""

from __future__ import annotations

import json
from typing import Any

import pytest

from auzap.channels.baileys import Baileys
from auzap.model.message import Message
from benchmarks.payloads import fixtures, may_be_answered
from tests.support.whatsapp import CLIENT, GROUP, LID

DIALECTS = ("live", "history", "plain", "buffer-json", "evolution")
#: a WebMessageInfo has no other address, and no word that a message may be seen once
LOSES = ("history", "plain", "buffer-json")
ME = "5511900000001@s.whatsapp.net"
PHONE = "5511900000010"

FILE = {"mimetype": "image/jpeg", "fileLength": 29, "mediaUrl": None}
VIDEO = {**FILE, "mimetype": "video/mp4", "seconds": 12, "gif": False, "videoNote": False}
CARD = "BEGIN:VCARD\nVERSION:3.0\nFN:Ana\nTEL;waid=5511900000011:+55 11 90000-0011\nEND:VCARD"
PLACE = {"latitude": -23.5, "longitude": -46.75}
POLL = {"options": ["Sábado", "Domingo"], "selectable": 1}
PDF = {"fileName": "exame.pdf", "mimetype": "application/pdf"}
TARGET = {"targetId": "TARGET"}
ROW = {"id": "row1", "description": "até 10 kg"}

#: name -> kind, text, extras
ANSWERED: dict[str, tuple[str, str, dict[str, Any]]] = {
    "conversation": ("text", "Oi", {}),
    "conversation after messageContextInfo": ("text", "Oi", {}),
    "extended text": ("text", "Veja isto", {}),
    "quoted text": ("text", "Às nove", {}),
    "mentioning text": ("text", "@100000000000010 oi", {}),
    "forwarded text": ("text", "Oi", {}),
    "disappearing text": ("text", "Some logo", {}),
    "question response": ("text", "Sim", {}),
    "status question answer": ("text", "Azul", {}),
    "text with a sender key": ("text", "Oi", {}),
    "image": ("image", "Este?", FILE),
    "image without caption": ("image", "", FILE),
    "view once image": ("image", "Só uma vez", FILE),
    "view once image V2 in a disappearing chat": ("image", "Só uma vez", FILE),
    "image of an album": ("image", "", FILE),
    "video": ("video", "Olha", VIDEO),
    "gif": ("video", "", {**VIDEO, "gif": True}),
    "video note": ("video", "", {**VIDEO, "seconds": None, "videoNote": True}),  # Baileys drops its length
    "audio": ("audio", "", {"ptt": False, "seconds": 31}),
    "voice message": ("audio", "", {"ptt": True, "seconds": 7}),
    "view once voice message": ("audio", "", {"ptt": True, "seconds": 7}),
    "document": ("document", "", PDF),
    "document with caption": ("document", "Segue", PDF),
    "sticker": ("sticker", "", {}),
    "lottie sticker": ("sticker", "", {}),
    "sticker pack": ("sticker_pack", "Haha", {"name": "Gatos"}),
    "location": ("location", "", {**PLACE, "name": "Praça", "address": "Rua 1", "live": False}),
    "location that is none": (
        "location",
        "",
        {"latitude": None, "longitude": None, "name": None, "address": None, "live": False},
    ),
    "live location": ("location", "A caminho", {**PLACE, "live": True}),
    "contact": ("contacts", "", {"contacts": [{"name": "Ana", "vcard": CARD}]}),
    "contacts": ("contacts", "", {"contacts": [{"name": name, "vcard": CARD} for name in ("Ana", "Bia")]}),
    "event": ("event", "Feira", {"startTime": 1_790_086_400}),
    "comment": ("comment", "Lindo", TARGET),
    "button reply": ("button_reply", "Sim", {"selectedId": "b1"}),
    "template button reply": ("button_reply", "Quero", {"selectedId": "t1", "selectedIndex": 2}),
    "list reply": ("list_reply", "Banho", {"selectedId": "row1", "description": "até 10 kg"}),
    "interactive reply": ("interactive_reply", "Banho", {"selectedId": "row1", "flow": "menu_options", "params": ROW}),
    "interactive reply without body": (
        "interactive_reply",
        "7",
        {"selectedId": "7", "flow": "menu_options", "params": {"id": 7}},
    ),
    "interactive reply that is no JSON": (
        "interactive_reply",
        "Oi",
        {"selectedId": None, "flow": "menu_options", "params": None},
    ),
    "buttons prompt": ("interactive", "Escolha", {}),
    "buttons prompt with a header only": ("interactive", "Título", {}),
    "list prompt": ("interactive", "Escolha", {}),
    "interactive prompt": ("interactive", "Escolha", {}),
    "interactive prompt as view once": ("interactive", "Escolha", {}),
    "template prompt": ("interactive", "Olá", {}),
    "template prompt of four rows": ("interactive", "Olá", {}),
    "interactive template prompt": ("interactive", "Olá", {}),
    "highly structured prompt": ("interactive", "Olá", {}),
    "poll": ("poll", "Qual dia?", {**POLL, "selectable": 2}),
    "poll with one answer": ("poll", "Qual dia?", POLL),
    "poll of a community": ("poll", "Qual dia?", POLL),
    "poll V4": ("poll", "Qual dia?", POLL),
    "poll V5": ("poll", "Qual dia?", POLL),
    "order": ("order", "Tem?", {"orderId": "o1", "itemCount": 2, "total": 59.9, "currency": "BRL"}),
    "product": ("product", "Este", {"productId": "p1", "title": "Coleira"}),
    "group invite": ("group_invite", "Entra", {"groupJid": GROUP, "groupName": "Pets"}),
    "newsletter admin invite": ("newsletter_invite", "Ajuda?", {}),
    "newsletter follower invite": ("newsletter_invite", "Siga", {}),
    "payment sent": ("payment", "Banho", {}),
    "payment asked for": ("payment", "Banho", {}),
    "invoice": ("payment", "Banho", {}),
    "in a botForwardedMessage": ("text", "Oi", {}),
    "in a botInvokeMessage": ("text", "Oi", {}),
    "in a botTaskMessage": ("text", "Oi", {}),
    "in a groupMentionedMessage": ("text", "Oi", {}),
    "in a limitSharingMessage": ("text", "Oi", {}),
    "in a pollCreationOptionImageMessage": ("text", "Oi", {}),
    "in a questionMessage": ("text", "Oi", {}),
    "in a questionReplyMessage": ("text", "Oi", {}),
    "ten wrappers": ("text", "Oi", {}),
}

#: name -> kind, event, text, extras
NOT_ANSWERED: dict[str, tuple[str, str, str, dict[str, Any]]] = {
    "nothing but a sender key": ("empty", "none", "", {}),
    "album": ("album", "system", "", {"images": 3, "videos": 1}),
    "reaction": ("reaction", "reaction", "", {"emoji": "👍", **TARGET}),
    "reaction taken back": ("reaction", "reaction", "", {"emoji": None, **TARGET}),
    "poll vote": ("poll_vote", "poll_vote", "", TARGET),
    "revoke": ("revoke", "revoke", "", TARGET),
    "edit": ("edit", "edit", "Às dez", {**TARGET, "editedKind": "text"}),
    "edit of a caption": ("edit", "edit", "Aquele", {**TARGET, "editedKind": "image"}),
    "edit in a wrapper": ("edit", "edit", "Às dez", {**TARGET, "editedKind": "text"}),
    "edited content": ("text", "edit", "Às dez", {}),
    "encrypted edit": ("encrypted_edit", "edit", "", TARGET),
    "encrypted edit of an event": ("encrypted_edit", "system", "", TARGET),
    "encrypted reaction": ("encrypted_addon", "system", "", {}),
    "encrypted comment": ("encrypted_addon", "system", "", {}),
    "encrypted event response": ("encrypted_addon", "system", "", {}),
    "pin": ("system", "system", "", {}),
    "keep": ("system", "system", "", {}),
    "disappearing messages set": ("protocol", "system", "", {}),
    "phone number shared": ("protocol", "system", "", {}),
    "sharing limited": ("protocol", "system", "", {}),
    "history sync": ("protocol", "system", "", {}),
    "app state keys": ("protocol", "system", "", {}),
    "phone number asked for": ("phone_request", "system", "", {}),
    "call offer": ("call", "system", "", {}),
    "call log": ("call", "system", "", {}),
    "broadcast call": ("call", "system", "Ao vivo", {}),
    "scheduled call": ("call", "system", "Consulta", {}),
    "placeholder": ("placeholder", "system", "", {}),
    "poll result": ("poll_result", "system", "", {}),
    "poll result V3": ("poll_result", "system", "", {}),
    "payment invited": ("payment", "system", "", {}),
    "payment declined": ("payment", "system", "", {}),
    "payment cancelled": ("payment", "system", "", {}),
    "sticker sync": ("system", "system", "", {}),
    "history bundle": ("system", "system", "", {}),
    "history notice": ("system", "system", "", {}),
    "status notification": ("system", "system", "", {}),
    "rich response": ("unsupported", "unsupported", "", {}),
    "chat settings": ("unsupported", "unsupported", "", {}),
    "scheduled call edited": ("unsupported", "unsupported", "", {}),
    "in a eventCoverImage": ("text", "status", "Oi", {}),
    "in a groupStatusMentionMessage": ("text", "status", "Oi", {}),
    "in a groupStatusMessage": ("text", "status", "Oi", {}),
    "in a groupStatusMessageV2": ("text", "status", "Oi", {}),
    "in a statusAddYours": ("text", "status", "Oi", {}),
    "in a statusMentionMessage": ("text", "status", "Oi", {}),
    "eleven wrappers": ("unsupported", "unsupported", "", {}),
    "not to be decrypted": ("undecryptable", "undecryptable", "", {}),
    "absent from the stanza": ("undecryptable", "undecryptable", "", {}),
    "member added to a group": ("stub", "system", "", {}),
    "missed call": ("stub", "system", "", {}),
}

#: name -> chat, its kind, phone, LID, from us, dispatched; all of them say "Oi"
CHATS: dict[str, tuple[str, str, str | None, str | None, bool, bool]] = {
    "from a LID with its phone": (LID, "direct", PHONE, LID, False, True),
    "from a LID alone": (LID, "direct", None, LID, False, True),
    "from a phone with its LID": (CLIENT, "direct", PHONE, LID, False, True),
    "from a device": (CLIENT, "direct", PHONE, None, False, True),
    "from a hosted device": (CLIENT, "direct", PHONE, None, False, True),
    "from a hosted LID": (LID, "direct", None, LID, False, True),
    "from a group by LID": (GROUP, "group", PHONE, LID, False, True),
    "from a group by phone": (GROUP, "group", PHONE, LID, False, True),
    "from an old group": ("5511900000011-1600000000@g.us", "group", PHONE, None, False, True),
    "a status": ("status@broadcast", "status", PHONE, None, False, False),
    "a status by LID": ("status@broadcast", "status", PHONE, LID, False, False),
    "a broadcast": ("1600000000@broadcast", "broadcast", PHONE, None, False, False),
    "a newsletter": ("120363000000000020@newsletter", "newsletter", None, None, False, False),
    "from our own phone": (CLIENT, "direct", PHONE, None, True, False),
    "to ourselves": (ME, "direct", ME.partition("@")[0], None, True, False),
    "from WhatsApp itself": ("0@s.whatsapp.net", "system", None, None, False, False),
}
#: where an alternate address is lost: what is left of (phone, LID)
LEFT: dict[str, tuple[str | None, str | None]] = {
    "from a LID with its phone": (None, LID),
    "from a phone with its LID": (PHONE, None),
    "from a group by LID": (None, LID),
    "from a group by phone": (PHONE, None),
    "a status by LID": (None, LID),
}

PAYLOADS = {dialect: {name: json.loads(text) for name, text in fixtures(dialect)} for dialect in DIALECTS}


def read(dialect: str, name: str) -> Message:
    (arrival,) = Baileys.receive(PAYLOADS[dialect][name])
    return Baileys.normalize(arrival.payload)


@pytest.mark.parametrize("name", ANSWERED)
@pytest.mark.parametrize("dialect", DIALECTS)
def test_what_people_write_and_send(dialect: str, name: str) -> None:
    message = read(dialect, name)
    assert (message.kind, message.text, message.extras) == ANSWERED[name]
    assert (message.event, message.dispatch) == ("message", True)
    assert (message.timestamp, message.push_name) == (1_790_000_000, "Cliente")
    assert message.view_once == ("view once" in name)


@pytest.mark.parametrize("name", NOT_ANSWERED)
@pytest.mark.parametrize("dialect", DIALECTS)
def test_what_nobody_answers(dialect: str, name: str) -> None:
    message = read(dialect, name)
    assert (message.kind, message.event, message.text, message.extras) == NOT_ANSWERED[name]
    assert not message.dispatch


@pytest.mark.parametrize("name", CHATS)
@pytest.mark.parametrize("dialect", DIALECTS)
def test_chats_and_people(dialect: str, name: str) -> None:
    message = read(dialect, name)
    chat, kind, phone, lid, from_me, dispatch = CHATS[name]
    assert (message.chat_id, message.chat_kind, message.from_me, message.text) == (chat, kind, from_me, "Oi")
    assert (message.contact_phone, message.contact_lid) == (
        LEFT[name] if dialect in LOSES and name in LEFT else (phone, lid)
    )
    assert message.dispatch is dispatch


@pytest.mark.parametrize("dialect", DIALECTS)
def test_what_is_quoted_mentioned_and_forwarded(dialect: str) -> None:
    quoted, mentioning, forwarded = (read(dialect, f"{how} text") for how in ("quoted", "mentioning", "forwarded"))
    assert (quoted.quoted_id, quoted.mentions, quoted.forwarded) == ("TARGET", (), False)
    assert (mentioning.quoted_id, mentioning.mentions, mentioning.forwarded) == (None, (LID,), False)
    assert (forwarded.quoted_id, forwarded.mentions, forwarded.forwarded) == (None, (), True)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_what_only_the_phone_may_see_once(dialect: str) -> None:
    message = read(dialect, "view once for the phone only")
    expected = ("empty", "none", False) if dialect in LOSES else ("view_once_unavailable", "system", True)
    assert (message.kind, message.event, message.view_once) == expected
    assert not message.dispatch


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_same_message_is_the_same_in_every_dialect(dialect: str) -> None:
    for name, payload in PAYLOADS["live"].items():
        (live,), (other,) = Baileys.receive(payload), Baileys.receive(PAYLOADS[dialect][name])
        if name != "view once for the phone only":
            assert other.identity == live.identity


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_message_is_looked_at_here(dialect: str) -> None:
    assert set(PAYLOADS[dialect]) == {*ANSWERED, *NOT_ANSWERED, *CHATS, "view once for the phone only"}


def test_the_rule_of_the_million_agrees_about_every_message() -> None:
    for name, payload in PAYLOADS["live"].items():
        assert may_be_answered(payload) is read("live", name).dispatch, name
