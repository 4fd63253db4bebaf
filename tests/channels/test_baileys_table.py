"""What each kind of WhatsApp content becomes, by the shapes in which Baileys writes it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from auzap.channels.baileys import Baileys
from auzap.channels.baileys.table import TABLE
from tests.support.whatsapp import payload

FILE = {"mimetype": None, "fileLength": None, "mediaUrl": None}
VIDEO = {**FILE, "seconds": None, "gif": False, "videoNote": False}
KEY = {"remoteJid": "5511900000010@s.whatsapp.net", "fromMe": False, "id": "TARGET"}
CARD = "BEGIN:VCARD\nTEL;waid=5511900000011:+55 11 90000-0011\nEND:VCARD"


def flow(params: Any, **more: Any) -> dict[str, Any]:
    text = params if isinstance(params, str) else json.dumps(params)
    return {"interactiveResponseMessage": {"nativeFlowResponseMessage": {"name": "menu", "paramsJson": text}, **more}}


def form(selected: str | None, params: Any, name: str | None = "menu") -> dict[str, Any]:
    return {"selectedId": selected, "flow": name, "params": params}


#: content, kind, text, extras
MESSAGES: list[tuple[dict[str, Any], str, str, dict[str, Any]]] = [
    ({"conversation": "Oi"}, "text", "Oi", {}),
    ({"conversation": " Oi \n"}, "text", " Oi \n", {}),
    ({"extendedTextMessage": {"text": "Veja https://example.com"}}, "text", "Veja https://example.com", {}),
    ({"questionResponseMessage": {"key": KEY, "text": "Sim"}}, "text", "Sim", {}),
    ({"statusQuestionAnswerMessage": {"key": KEY, "text": "Sim"}}, "text", "Sim", {}),
    (
        {
            "imageMessage": {"caption": "Este?", "mimetype": "image/jpeg", "fileLength": "2048"},
            "mediaUrl": "http://127.0.0.1/f.jpg",
        },
        "image",
        "Este?",
        {"mimetype": "image/jpeg", "fileLength": 2048, "mediaUrl": "http://127.0.0.1/f.jpg"},
    ),
    ({"imageMessage": {}}, "image", "", FILE),
    (
        {"videoMessage": {"caption": "Olha", "seconds": 12, "gifPlayback": True}},
        "video",
        "Olha",
        {**VIDEO, "seconds": 12, "gif": True},
    ),
    ({"ptvMessage": {"seconds": 3}}, "video", "", {**VIDEO, "seconds": 3, "videoNote": True}),
    ({"audioMessage": {"ptt": True, "seconds": 7}}, "audio", "", {"ptt": True, "seconds": 7}),
    (
        {"audioMessage": {"seconds": 7}, "speechToText": "[audio] Quero marcar um banho"},
        "audio",
        "Quero marcar um banho",
        {"ptt": False, "seconds": 7},
    ),
    ({"audioMessage": {}, "speechToText": "[audio] "}, "audio", "", {"ptt": False, "seconds": None}),
    (
        {"documentMessage": {"fileName": "exame.pdf", "title": "Exame", "mimetype": "application/pdf"}},
        "document",
        "",
        {"fileName": "exame.pdf", "mimetype": "application/pdf"},
    ),
    (
        {"documentMessage": {"title": "Exame", "caption": "Segue"}},
        "document",
        "Segue",
        {"fileName": "Exame", "mimetype": None},
    ),
    ({"stickerMessage": {"mimetype": "image/webp"}}, "sticker", "", {}),
    ({"lottieStickerMessage": {"message": {"stickerMessage": {}}}}, "sticker", "", {}),
    ({"stickerPackMessage": {"name": "Gatos", "caption": "Haha"}}, "sticker_pack", "Haha", {"name": "Gatos"}),
    (
        {
            "locationMessage": {
                "degreesLatitude": -23.5,
                "degreesLongitude": -46,
                "name": "Praça",
                "address": "Rua 1",
                "comment": "Aqui",
            }
        },
        "location",
        "Aqui",
        {"latitude": -23.5, "longitude": -46, "name": "Praça", "address": "Rua 1", "live": False},
    ),
    (
        {"locationMessage": {"degreesLatitude": "NaN", "degreesLongitude": "Infinity", "isLive": True}},
        "location",
        "",
        {"latitude": None, "longitude": None, "name": None, "address": None, "live": True},
    ),
    (
        {"locationMessage": {"degreesLatitude": 1e300, "degreesLongitude": 10**400}},
        "location",
        "",
        {"latitude": 1e300, "longitude": None, "name": None, "address": None, "live": False},
    ),
    (
        {"liveLocationMessage": {"degreesLatitude": 1, "degreesLongitude": 2, "caption": "A caminho"}},
        "location",
        "A caminho",
        {"latitude": 1, "longitude": 2, "live": True},
    ),
    (
        {"contactMessage": {"displayName": "Cliente", "vcard": CARD}},
        "contacts",
        "",
        {"contacts": [{"name": "Cliente", "vcard": CARD}]},
    ),
    (
        {"contactsArrayMessage": {"contacts": [{"displayName": "A", "vcard": CARD}, {"vcard": 1}, "nonsense"]}},
        "contacts",
        "",
        {"contacts": [{"name": "A", "vcard": CARD}, {"name": None, "vcard": None}]},
    ),
    (
        {"buttonsResponseMessage": {"selectedButtonId": "b1", "selectedDisplayText": "Sim"}},
        "button_reply",
        "Sim",
        {"selectedId": "b1"},
    ),
    ({"buttonsResponseMessage": {"selectedButtonId": "b1"}}, "button_reply", "b1", {"selectedId": "b1"}),
    (
        {"templateButtonReplyMessage": {"selectedId": "t1", "selectedDisplayText": "Quero", "selectedIndex": 0}},
        "button_reply",
        "Quero",
        {"selectedId": "t1", "selectedIndex": 0},
    ),
    (
        {"templateButtonReplyMessage": {"selectedId": "t1"}},
        "button_reply",
        "t1",
        {"selectedId": "t1", "selectedIndex": None},
    ),
    (
        {
            "listResponseMessage": {
                "title": "Banho",
                "description": "até 10 kg",
                "singleSelectReply": {"selectedRowId": "row1"},
            }
        },
        "list_reply",
        "Banho",
        {"selectedId": "row1", "description": "até 10 kg"},
    ),
    (
        {"listResponseMessage": {"singleSelectReply": {"selectedRowId": "row1"}}},
        "list_reply",
        "row1",
        {"selectedId": "row1", "description": None},
    ),
    (
        flow({"id": "x", "title": "Título"}, body={"text": "Corpo"}),
        "interactive_reply",
        "Corpo",
        form("x", {"id": "x", "title": "Título"}),
    ),
    (flow({"id": "x", "title": "Título"}), "interactive_reply", "Título", form("x", {"id": "x", "title": "Título"})),
    (
        flow({"id": 7, "display_text": "Sete"}),
        "interactive_reply",
        "Sete",
        form("7", {"id": 7, "display_text": "Sete"}),
    ),
    (flow({"id": 7}), "interactive_reply", "7", form("7", {"id": 7})),
    (flow({"id": 2**53}), "interactive_reply", "", form(None, {"id": 2**53})),
    (flow({"id": True}), "interactive_reply", "", form(None, {"id": True})),
    (flow("[1]"), "interactive_reply", "", form(None, None)),
    (flow("{"), "interactive_reply", "", form(None, None)),
    ({"interactiveResponseMessage": {}}, "interactive_reply", "", form(None, None, None)),
    ({"buttonsMessage": {"contentText": "Escolha", "text": "Título"}}, "interactive", "Escolha", {}),
    ({"buttonsMessage": {"text": "Título"}}, "interactive", "Título", {}),
    ({"listMessage": {"title": "Menu", "description": "Escolha"}}, "interactive", "Escolha", {}),
    ({"listMessage": {"title": "Menu"}}, "interactive", "Menu", {}),
    ({"interactiveMessage": {"body": {"text": "Escolha"}}}, "interactive", "Escolha", {}),
    ({"templateMessage": {"hydratedTemplate": {"hydratedContentText": "Olá"}}}, "interactive", "Olá", {}),
    ({"templateMessage": {"hydratedFourRowTemplate": {"hydratedContentText": "Olá"}}}, "interactive", "Olá", {}),
    ({"templateMessage": {"interactiveMessageTemplate": {"body": {"text": "Olá"}}}}, "interactive", "Olá", {}),
    (
        {"highlyStructuredMessage": {"hydratedHsm": {"hydratedTemplate": {"hydratedContentText": "Olá"}}}},
        "interactive",
        "Olá",
        {},
    ),
    (
        {"highlyStructuredMessage": {"hydratedHsm": {"interactiveMessageTemplate": {"body": {"text": "Olá"}}}}},
        "interactive",
        "Olá",
        {},
    ),
    *(
        (
            {name: {"name": "Quando?", "options": [{"optionName": "Hoje"}, {}, 1], "selectableOptionsCount": 1}},
            "poll",
            "Quando?",
            {"options": ["Hoje"], "selectable": 1},
        )
        for name in ("pollCreationMessage", "pollCreationMessageV2", "pollCreationMessageV3", "pollCreationMessageV5")
    ),
    (
        {"pollCreationMessageV4": {"message": {"pollCreationMessage": {"name": "Quando?"}}}},
        "poll",
        "Quando?",
        {"options": [], "selectable": None},
    ),
    (
        {
            "orderMessage": {
                "orderId": "o1",
                "itemCount": 2,
                "message": "Tem?",
                "totalAmount1000": {"low": 59900, "high": 0, "unsigned": False},
                "totalCurrencyCode": "BRL",
            }
        },
        "order",
        "Tem?",
        {"orderId": "o1", "itemCount": 2, "total": 59.9, "currency": "BRL"},
    ),
    (
        {"productMessage": {"body": "Este", "product": {"productId": "p1", "title": "Coleira"}}},
        "product",
        "Este",
        {"productId": "p1", "title": "Coleira"},
    ),
    (
        {"groupInviteMessage": {"caption": "Entra", "groupJid": "1@g.us", "groupName": "Pets"}},
        "group_invite",
        "Entra",
        {"groupJid": "1@g.us", "groupName": "Pets"},
    ),
    ({"newsletterAdminInviteMessage": {"caption": "Entra"}}, "newsletter_invite", "Entra", {}),
    ({"newsletterFollowerInviteMessageV2": {"caption": "Siga"}}, "newsletter_invite", "Siga", {}),
    ({"eventMessage": {"name": "Feira", "startTime": "1790000000"}}, "event", "Feira", {"startTime": 1_790_000_000}),
    ({"sendPaymentMessage": {"noteMessage": {"conversation": "Banho"}}}, "payment", "Banho", {}),
    ({"requestPaymentMessage": {"noteMessage": {"extendedTextMessage": {"text": "Banho"}}}}, "payment", "Banho", {}),
    ({"invoiceMessage": {"note": "Banho"}}, "payment", "Banho", {}),
    (
        {"commentMessage": {"message": {"conversation": "Lindo"}, "targetMessageKey": KEY}},
        "comment",
        "Lindo",
        {"targetId": "TARGET"},
    ),
]

#: content, kind, text, extras, event
OTHERS: list[tuple[dict[str, Any], str, str, dict[str, Any], str]] = [
    (
        {"reactionMessage": {"key": KEY, "text": "👍"}},
        "reaction",
        "",
        {"emoji": "👍", "targetId": "TARGET"},
        "reaction",
    ),
    ({"reactionMessage": {"key": KEY, "text": ""}}, "reaction", "", {"emoji": None, "targetId": "TARGET"}, "reaction"),
    ({"pollUpdateMessage": {"pollCreationMessageKey": KEY}}, "poll_vote", "", {"targetId": "TARGET"}, "poll_vote"),
    ({"protocolMessage": {"key": KEY, "type": "REVOKE"}}, "revoke", "", {"targetId": "TARGET"}, "revoke"),
    ({"protocolMessage": {"key": KEY, "type": 0}}, "revoke", "", {"targetId": "TARGET"}, "revoke"),
    *(
        (
            {"protocolMessage": {"key": KEY, "type": kind, "editedMessage": edited}},
            "edit",
            text,
            {"targetId": "TARGET", "editedKind": edited_kind},
            "edit",
        )
        for kind in ("MESSAGE_EDIT", 14)
        for edited, text, edited_kind in (
            ({"conversation": "Ops"}, "Ops", "text"),
            ({"imageMessage": {"caption": "Ops"}}, "Ops", "image"),
            (None, "", "empty"),
        )
    ),
    (
        {"editedMessage": {"message": {"protocolMessage": {"type": 14, "editedMessage": {"conversation": "Ops"}}}}},
        "edit",
        "Ops",
        {"targetId": None, "editedKind": "text"},
        "edit",
    ),
    ({"editedMessage": {"message": {"conversation": "Ops"}}}, "text", "Ops", {}, "edit"),
    ({"protocolMessage": {"type": "EPHEMERAL_SETTING"}}, "protocol", "", {}, "system"),
    ({"protocolMessage": {}}, "protocol", "", {}, "system"),
    ({"protocolMessage": {"type": False, "key": KEY}}, "protocol", "", {}, "system"),
    (
        {"secretEncryptedMessage": {"targetMessageKey": KEY, "secretEncType": "MESSAGE_EDIT"}},
        "encrypted_edit",
        "",
        {"targetId": "TARGET"},
        "edit",
    ),
    (
        {"secretEncryptedMessage": {"targetMessageKey": KEY, "secretEncType": 1}},
        "encrypted_edit",
        "",
        {"targetId": "TARGET"},
        "system",
    ),
    *(
        ({name: {"targetMessageKey": KEY}}, "encrypted_addon", "", {}, "system")
        for name in ("encReactionMessage", "encCommentMessage", "encEventResponseMessage")
    ),
    (
        {"albumMessage": {"expectedImageCount": 3, "expectedVideoCount": 1}},
        "album",
        "",
        {"images": 3, "videos": 1},
        "system",
    ),
    ({"call": {"callKey": "AA=="}}, "call", "", {}, "system"),
    ({"callLogMesssage": {"isVideo": True}}, "call", "", {}, "system"),
    ({"bcallMessage": {"caption": "Ao vivo"}}, "call", "Ao vivo", {}, "system"),
    ({"scheduledCallCreationMessage": {"title": "Consulta"}}, "call", "Consulta", {}, "system"),
    ({"placeholderMessage": {"type": 0}}, "placeholder", "", {}, "system"),
    ({"requestPhoneNumberMessage": {}}, "phone_request", "", {}, "system"),
    ({"pollResultSnapshotMessage": {"name": "Quando?"}}, "poll_result", "", {}, "system"),
    ({"pollResultSnapshotMessageV3": {"name": "Quando?"}}, "poll_result", "", {}, "system"),
    *(
        ({name: {}}, "payment", "", {}, "system")
        for name in ("paymentInviteMessage", "declinePaymentRequestMessage", "cancelPaymentRequestMessage")
    ),
    *(
        ({name: {"x": 1}}, "system", "", {}, "system")
        for name in (
            "pinInChatMessage",
            "keepInChatMessage",
            "stickerSyncRmrMessage",
            "messageHistoryBundle",
            "messageHistoryNotice",
            "statusNotificationMessage",
        )
    ),
    *(
        ({name: {"message": {"conversation": "Novidade"}}}, "text", "Novidade", {}, "status")
        for name in (
            "groupStatusMessage",
            "groupStatusMessageV2",
            "statusMentionMessage",
            "groupStatusMentionMessage",
            "statusAddYours",
            "eventCoverImage",
        )
    ),
    (
        {"groupStatusMentionMessage": {"message": {"protocolMessage": {"type": 25}}}},
        "protocol",
        "",
        {},
        "status",
    ),
    ({"richResponseMessage": {"messageType": 1}}, "unsupported", "", {}, "unsupported"),
    ({"somethingNew": {"text": "Oi"}}, "unsupported", "", {}, "unsupported"),
    ({"conversation": 5}, "unsupported", "", {}, "unsupported"),
    ({"imageMessage": "Oi"}, "unsupported", "", {}, "unsupported"),
    ({"": 1}, "unsupported", "", {}, "unsupported"),
    ({"imageMessage": []}, "unsupported", "", {}, "unsupported"),
    ({"extendedTextMessage": ["Oi"]}, "unsupported", "", {}, "unsupported"),
    ({"conversation": ""}, "empty", "", {}, "none"),
    ({"conversation": "  \n\t"}, "empty", "", {}, "none"),
    ({"extendedTextMessage": {}}, "empty", "", {}, "none"),
    ({"extendedTextMessage": {"text": 7}}, "empty", "", {}, "none"),
    ({}, "empty", "", {}, "none"),
    ({"messageContextInfo": {"messageSecret": "AA=="}}, "empty", "", {}, "none"),
    ({"senderKeyDistributionMessage": {"groupId": "1@g.us"}}, "empty", "", {}, "none"),
    ({"fastRatchetKeySenderKeyDistributionMessage": {}}, "empty", "", {}, "none"),
    ({"ephemeralMessage": {}}, "empty", "", {}, "none"),
    ({"ephemeralMessage": {"message": None}}, "empty", "", {}, "none"),
    ({"viewOnceMessage": 5}, "empty", "", {}, "none"),
]


@pytest.mark.parametrize(("content", "kind", "text", "extras"), MESSAGES)
def test_content_that_is_a_message(content: dict[str, Any], kind: str, text: str, extras: dict[str, Any]) -> None:
    message = Baileys.normalize(payload(content))
    assert (message.kind, message.text, message.extras, message.event) == (kind, text, extras, "message")
    assert message.dispatch


@pytest.mark.parametrize(("content", "kind", "text", "extras", "event"), OTHERS)
def test_content_that_nobody_answers(
    content: dict[str, Any], kind: str, text: str, extras: dict[str, Any], event: str
) -> None:
    message = Baileys.normalize(payload(content))
    assert (message.kind, message.text, message.extras, message.event) == (kind, text, extras, event)
    assert not message.dispatch


@pytest.mark.parametrize(("content", "kind", "text", "extras"), MESSAGES)
def test_what_travels_before_or_after_the_content_changes_nothing(
    content: dict[str, Any], kind: str, text: str, extras: dict[str, Any]
) -> None:
    about = {"messageContextInfo": {"deviceListMetadata": {}}, "senderKeyDistributionMessage": {"groupId": "1@g.us"}}
    for message in ({**about, **content}, {**content, **about}, {"imageMessage": None, "conversation": "", **content}):
        found = Baileys.normalize(payload(message))
        assert (found.kind, found.text, found.extras) == (kind, text, extras)


@pytest.mark.parametrize(
    "wrapper",
    [
        "ephemeralMessage",
        "viewOnceMessage",
        "viewOnceMessageV2",
        "viewOnceMessageV2Extension",
        "documentWithCaptionMessage",
        "associatedChildMessage",
        "deviceSentMessage",
        "botInvokeMessage",
        "botForwardedMessage",
        "botTaskMessage",
        "groupMentionedMessage",
        "questionMessage",
        "questionReplyMessage",
        "limitSharingMessage",
        "pollCreationOptionImageMessage",
    ],
)
def test_a_wrapper_is_taken_off(wrapper: str) -> None:
    message = Baileys.normalize(payload({"messageContextInfo": {}, wrapper: {"message": {"conversation": "Oi"}}}))
    assert (message.kind, message.text, message.event) == ("text", "Oi", "message")
    assert message.view_once == wrapper.startswith("viewOnce")


def wrapped(times: int) -> dict[str, Any]:
    content: dict[str, Any] = {"conversation": "Oi"}
    for _ in range(times):
        content = {"ephemeralMessage": {"message": content}}
    return content


def test_up_to_ten_wrappers_are_taken_off() -> None:
    assert Baileys.normalize(payload(wrapped(10))).text == "Oi"
    assert Baileys.normalize(payload(wrapped(11))).kind == "unsupported"


def test_what_stands_beside_a_wrapper_is_found() -> None:
    content = {"ephemeralMessage": {"message": {"imageMessage": {}}}, "mediaUrl": "http://127.0.0.1/f.jpg"}
    assert Baileys.normalize(payload(content)).extras["mediaUrl"] == "http://127.0.0.1/f.jpg"


def test_view_once_may_be_a_flag_of_the_content() -> None:
    assert Baileys.normalize(payload({"imageMessage": {"viewOnce": True}})).view_once
    assert not Baileys.normalize(payload({"imageMessage": {"viewOnce": False}})).view_once


def test_edits_inside_edits_come_to_an_end() -> None:
    content: dict[str, Any] = {"conversation": "Oi"}
    for _ in range(5):
        content = {"protocolMessage": {"type": "MESSAGE_EDIT", "editedMessage": content}}
    assert (Baileys.normalize(payload(content)).kind, Baileys.normalize(payload(content)).text) == ("edit", "")


def test_every_row_of_the_table_is_tried_here() -> None:
    tried = {name for content, *_ in [*MESSAGES, *OTHERS] for name in content}
    assert set(TABLE) <= tried


@pytest.mark.parametrize(
    ("stub", "key", "kind", "event"),
    [
        (
            {"messageStubType": "CIPHERTEXT", "messageStubParameters": ["No session"]},
            {},
            "undecryptable",
            "undecryptable",
        ),
        ({"messageStubType": 2}, {}, "undecryptable", "undecryptable"),
        ({"messageStubType": 2}, {"isViewOnce": True}, "undecryptable", "undecryptable"),
        ({"messageStubType": "GROUP_PARTICIPANT_ADD"}, {}, "stub", "system"),
        ({"messageStubType": 27}, {}, "stub", "system"),
        ({"messageStubType": 0}, {}, "empty", "none"),
        ({"messageStubType": "UNKNOWN"}, {}, "empty", "none"),
        ({"messageStubType": ""}, {}, "empty", "none"),
        ({}, {"isViewOnce": True}, "view_once_unavailable", "system"),
        ({}, {}, "empty", "none"),
    ],
)
@pytest.mark.parametrize("message", [None, {}, {"messageContextInfo": {}}, 5, "Oi", []])
def test_without_content_the_stub_says_what_it_is(
    message: Any, stub: dict[str, Any], key: dict[str, Any], kind: str, event: str
) -> None:
    found = Baileys.normalize(payload(message, key=key, **stub))
    assert (found.kind, found.event, found.text) == (kind, event, "")


def test_content_counts_more_than_a_stub() -> None:
    assert Baileys.normalize(payload({"conversation": "Oi"}, messageStubType=2)).text == "Oi"
