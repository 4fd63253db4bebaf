"""Payloads without end: messages that Baileys made, changed by chance, and a rule of its own on what they are.

The same seed makes the same payloads.
"""

# ruff: noqa: SIM905 - one name a line would be pages

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

__all__ = ["fixtures", "may_be_answered", "payloads"]

_FIXTURES = Path(__file__).resolve().parent.parent / "tests" / "channels" / "fixtures"
_CHAT = re.compile(r"([^@:_\s]+)(?:_[^@:]*)?(?::[^@]*)?@(s\.whatsapp\.net|c\.us|hosted|lid|hosted\.lid|g\.us)")
#: WhatsApp itself and Meta's assistant have phone numbers too
_NOBODY = re.compile(r"0|server|1313555\d{4}|131655500\d{2}")

_JIDS = (
    "5511900000010@s.whatsapp.net|5511900000010:7@s.whatsapp.net|5511900000010@c.us|5511900000010:99@hosted"
    "|100000000000010@lid|100000000000010:20@lid|100000000000010@hosted.lid|120363000000000010@g.us"
    "|5511900000011-1600000000@g.us|status@broadcast|1600000000@broadcast|120363000000000010@newsletter"
    "|867051314767696@bot|13135550002@c.us|0@s.whatsapp.net|server@c.us|p|@|@lid|a@b@c.us|5511900000010@S.WHATSAPP.NET"
).split("|")
_NAMES = (
    "conversation extendedTextMessage imageMessage protocolMessage reactionMessage message key text caption title type "
    "contextInfo editedMessage viewOnceMessage ephemeralMessage deviceSentMessage statusMentionMessage "
    "pollUpdateMessage messageContextInfo senderKeyDistributionMessage interactiveResponseMessage paramsJson "
    "somethingNew id fromMe remoteJid remoteJidAlt participant senderPn messageStubType messageTimestamp update "
    "messages event data"
).split()
_WRAPPERS = (
    "ephemeralMessage viewOnceMessage viewOnceMessageV2 viewOnceMessageV2Extension documentWithCaptionMessage "
    "editedMessage associatedChildMessage groupStatusMessage groupStatusMessageV2 deviceSentMessage botInvokeMessage "
    "groupMentionedMessage lottieStickerMessage pollCreationMessageV4 questionMessage questionReplyMessage "
    "botForwardedMessage botTaskMessage limitSharingMessage statusMentionMessage groupStatusMentionMessage "
    "statusAddYours eventCoverImage pollCreationOptionImageMessage"
).split()
#: what is inside these is no new message
_NO_NEW = frozenset(
    "editedMessage groupStatusMessage groupStatusMessageV2 statusMentionMessage groupStatusMentionMessage "
    "statusAddYours eventCoverImage".split()
)
#: the contents that people write and send; all are objects, but for the first
_CONTENTS = frozenset(
    "conversation extendedTextMessage imageMessage videoMessage ptvMessage audioMessage documentMessage stickerMessage "
    "stickerPackMessage locationMessage liveLocationMessage contactMessage contactsArrayMessage buttonsResponseMessage "
    "templateButtonReplyMessage listResponseMessage interactiveResponseMessage buttonsMessage listMessage "
    "interactiveMessage templateMessage highlyStructuredMessage pollCreationMessage pollCreationMessageV2 "
    "pollCreationMessageV3 pollCreationMessageV5 orderMessage productMessage groupInviteMessage "
    "newsletterAdminInviteMessage newsletterFollowerInviteMessageV2 eventMessage sendPaymentMessage "
    "requestPaymentMessage invoiceMessage commentMessage questionResponseMessage statusQuestionAnswerMessage".split()
)
#: what happens to other messages, or to nobody
_OTHERS = frozenset(
    "protocolMessage reactionMessage pollUpdateMessage secretEncryptedMessage encReactionMessage encCommentMessage "
    "encEventResponseMessage albumMessage call callLogMesssage bcallMessage scheduledCallCreationMessage "
    "placeholderMessage requestPhoneNumberMessage pinInChatMessage keepInChatMessage pollResultSnapshotMessage "
    "pollResultSnapshotMessageV3 paymentInviteMessage declinePaymentRequestMessage cancelPaymentRequestMessage "
    "stickerSyncRmrMessage messageHistoryBundle messageHistoryNotice statusNotificationMessage".split()
)
_JUNK: tuple[Any, ...] = (
    *(None, True, False, 0, 1, 2, -1, 14, 2**31, 2**53, 2**63, 2**64, -(2**63), 10**400, 0.5, 1e308, -0.0),
    *(float("nan"), float("inf"), "", " ", "0", "2", "14", "NaN", "REVOKE", "MESSAGE_EDIT", "CIPHERTEXT", "true"),
    *(1_790_000_000, "1790000000", 1_790_000_000_000, -1_790_000_000, {"low": 1_790_000_000, "high": 0}),
    *({"low": -1, "high": -1, "unsigned": True}, {"low": "x"}, {"type": "Buffer", "data": [1]}, {"0": 1}, [], {}, [[]]),
    *("\0", "a\0b", "\ud83d", "\udc00\ud800", "🐾", "\ufeff", "\u202e", "\x1b[2J", "e\u0301" * 50, "Oi!", "x" * 70_000),
    *("[" * 5000, "{" * 5000, '{"id":"a"}', '{"id":1e999}', '{"id":{"id":[{}]}}'),
)


def fixtures(*dialects: str) -> list[tuple[str, str]]:
    """Name and payload (JSON) of the messages that the real Baileys made; of all dialects when none is named."""
    files = [_FIXTURES / f"baileys-{dialect}.jsonl" for dialect in dialects] or sorted(_FIXTURES.glob("*.jsonl"))
    lines = [json.loads(line) for file in files for line in file.read_text(encoding="utf-8").splitlines()]
    return [(line["name"], json.dumps(line["payload"])) for line in lines]


def payloads(seed: int) -> Iterator[Any]:
    """Without end."""
    chance = random.Random(seed)
    texts = [text for _, text in fixtures()]
    while True:
        payload = json.loads(chance.choice(texts))
        for _ in range(chance.choice((0, 1, 1, 2, 3, 5))):
            payload = chance.choice(_CHANGES)(chance, payload, texts)
        yield payload


def may_be_answered(payload: Any) -> bool:
    """Whether it is a new message of somebody else, in a chat of people: from the payload alone, without auzap."""
    if not isinstance(payload, dict) or not isinstance(payload.get("key"), dict):
        return False
    key = payload["key"]
    if key.get("fromMe") in (True, "true") or not isinstance(key.get("id"), str) or not key["id"].strip("\0 \t\n"):
        return False
    chat = _CHAT.fullmatch(key["remoteJid"]) if isinstance(key.get("remoteJid"), str) else None
    if chat is None or (chat[2] in ("s.whatsapp.net", "c.us", "hosted") and _NOBODY.fullmatch(chat[1])):
        return False
    return _holds_content(payload.get("message"), 10)


def _holds_content(message: Any, wrappers: int) -> bool:
    if not isinstance(message, dict):
        return False
    around = [name for name in _WRAPPERS if message.get(name)]
    if around and wrappers > 0:
        inside = (message[name] for name in around if name not in _NO_NEW)
        return any(_holds_content(inner.get("message"), wrappers - 1) for inner in inside if isinstance(inner, dict))
    known = (name for name in message if name in _CONTENTS | _OTHERS and message[name] not in (None, ""))
    first = next(known, "")
    return first in _CONTENTS and isinstance(message[first], str if first == "conversation" else dict)


# ---------------------------------------------------------------------- changes

_Change = Callable[[random.Random, Any, list[str]], Any]


def _node(chance: random.Random, payload: Any) -> Any:
    """Some object or list in it."""
    node = payload
    while chance.random() < 0.8:
        inner = [value for value in _values(node) if isinstance(value, (dict, list)) and value]
        if not inner:
            break
        node = chance.choice(inner)
    return node


def _values(node: Any) -> Any:
    return node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()


def _set(chance: random.Random, payload: Any, value: Any) -> Any:
    node = _node(chance, payload)
    if isinstance(node, dict) and node:
        node[chance.choice(list(node))] = value
    elif isinstance(node, list) and node:
        node[chance.randrange(len(node))] = value
    else:
        return value
    return payload


def _spoil(chance: random.Random, payload: Any, _: list[str]) -> Any:
    return _set(chance, payload, chance.choice(_JUNK))


def _remove(chance: random.Random, payload: Any, _: list[str]) -> Any:
    node = _node(chance, payload)
    if isinstance(node, dict) and node:
        del node[chance.choice(list(node))]
    return payload


def _rename(chance: random.Random, payload: Any, _: list[str]) -> Any:
    node = _node(chance, payload)
    if isinstance(node, dict) and node:
        node[chance.choice(_NAMES)] = node.pop(chance.choice(list(node)))
    return payload


def _readdress(chance: random.Random, payload: Any, _: list[str]) -> Any:
    key = payload.get("key") if isinstance(payload, dict) else None
    if isinstance(key, dict):
        name = chance.choice(("remoteJid", "remoteJid", "remoteJidAlt", "participant", "participantAlt", "senderPn"))
        key[name] = chance.choice(_JIDS)
    return payload


def _return(chance: random.Random, payload: Any, _: list[str]) -> Any:
    key = payload.get("key") if isinstance(payload, dict) else None
    if isinstance(key, dict):
        key["fromMe"] = chance.choice((True, False, None, 1, 0, "true", "false", {}))
    return payload


def _wrap(chance: random.Random, payload: Any, _: list[str]) -> Any:
    if isinstance(payload, dict):
        for _wrapper in range(chance.choice((1, 2, 3, 9, 10, 11, 50))):
            payload["message"] = {chance.choice(_WRAPPERS): {"message": payload.get("message")}}
    return payload


def _graft(chance: random.Random, payload: Any, texts: list[str]) -> Any:
    """The content of another message before or behind this one's, or anywhere inside."""
    other = json.loads(chance.choice(texts))
    content = other.get("message", other)
    if chance.random() < 0.5:
        return _set(chance, payload, content)
    if isinstance(payload, dict) and isinstance(payload.get("message"), dict) and isinstance(content, dict):
        first, second = chance.sample((payload["message"], content), 2)
        payload["message"] = {**first, **second}
    return payload


def _bury(chance: random.Random, payload: Any, _: list[str]) -> Any:
    """Thousands of levels, seldom."""
    if chance.random() > 0.01:
        return payload
    deep: Any = {"conversation": "Oi"}
    wrapper = chance.choice(_WRAPPERS + _NAMES)
    for _level in range(chance.choice((100, 3000))):
        deep = {wrapper: {"message": deep, "editedMessage": deep}} if chance.random() < 0.9 else [deep]
    return _set(chance, payload, deep)


def _enclose(chance: random.Random, payload: Any, _: list[str]) -> Any:
    forms = ([payload], [payload, payload], {"messages": [payload]}, {"event": "messages.upsert", "data": payload})
    return chance.choice(
        (*forms, {"event": "connection.update", "data": payload}, {"update": payload}, [], [[payload]])
    )


_CHANGES: tuple[_Change, ...] = (
    *(_spoil, _spoil, _spoil, _remove, _rename, _readdress, _readdress),
    *(_return, _wrap, _graft, _graft, _bury, _enclose),
)
