"""What each kind of WhatsApp content means. Field names are those of WhatsApp's protobuf, as Baileys writes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from auzap.channels.baileys import values
from auzap.channels.baileys.readers import (
    Part,
    Reader,
    always,
    beside,
    decimal,
    first,
    flag,
    identifier,
    inner_kind,
    inner_text,
    integer,
    itself,
    nothing,
    rows,
    speech,
    text,
    texts,
)

__all__ = ["NO_CONTENT", "STATUS_WRAPPERS", "TABLE", "VIEW_ONCE_WRAPPERS", "WRAPPERS", "Choice", "Rule"]


@dataclass(frozen=True, slots=True)
class Rule:
    """:param prepare: changes the piece before it is read."""

    kind: str
    text: Reader = nothing
    event: str = field(default="message", kw_only=True)
    extras: Mapping[str, Reader] = field(default_factory=dict, kw_only=True)
    prepare: Callable[[dict[str, Any]], dict[str, Any]] | None = field(default=None, kw_only=True)


@dataclass(frozen=True, slots=True)
class Choice:
    """The rule depends on an enum in the piece."""

    path: str
    cases: tuple[tuple[str, int, Rule], ...]
    otherwise: Rule

    def rule(self, piece: object) -> Rule:
        value = values.dig(piece, self.path)
        return next((rule for name, number, rule in self.cases if values.is_enum(value, name, number)), self.otherwise)


VIEW_ONCE_WRAPPERS = frozenset({"viewOnceMessage", "viewOnceMessageV2", "viewOnceMessageV2Extension"})
STATUS_WRAPPERS = frozenset(
    {
        "groupStatusMessage",
        "groupStatusMessageV2",
        "statusMentionMessage",
        "groupStatusMentionMessage",
        "statusAddYours",
        "eventCoverImage",
    }
)
#: each is ``{message: content}``; Baileys removes half of them itself
WRAPPERS = (
    VIEW_ONCE_WRAPPERS
    | STATUS_WRAPPERS
    | {
        "associatedChildMessage",
        "botForwardedMessage",
        "botInvokeMessage",
        "botTaskMessage",
        "deviceSentMessage",
        "documentWithCaptionMessage",
        "editedMessage",
        "ephemeralMessage",
        "groupMentionedMessage",
        "limitSharingMessage",
        "lottieStickerMessage",
        "pollCreationMessageV4",
        "pollCreationOptionImageMessage",
        "questionMessage",
        "questionReplyMessage",
    }
)
#: what travels with content and is none
NO_CONTENT = frozenset(
    {"messageContextInfo", "senderKeyDistributionMessage", "fastRatchetKeySenderKeyDistributionMessage"}
)

_FILE = {"mimetype": text("mimetype"), "fileLength": integer("fileLength"), "mediaUrl": beside("mediaUrl")}
_VIDEO = {**_FILE, "seconds": integer("seconds"), "gif": flag("gifPlayback")}
_PLACE = {"latitude": decimal("degreesLatitude"), "longitude": decimal("degreesLongitude")}
_CONTACT = {"name": "displayName", "vcard": "vcard"}
_POLL = Rule(
    "poll",
    text("name"),
    extras={"options": texts("options", "optionName"), "selectable": integer("selectableOptionsCount")},
)
_TEMPLATE = (
    "hydratedFourRowTemplate.hydratedContentText",
    "hydratedTemplate.hydratedContentText",
    "interactiveMessageTemplate.body.text",
)
_ADDON = Rule("encrypted_addon", event="system")
_ENCRYPTED_EDIT = {"targetId": text("targetMessageKey.id")}
_SYSTEM = Rule("system", event="system")
_PAYMENT = Rule("payment", event="system")
_POLL_RESULT = Rule("poll_result", event="system")


def _with_params(piece: dict[str, Any]) -> dict[str, Any]:
    return {**piece, "params": values.json_object(values.dig(piece, "nativeFlowResponseMessage.paramsJson"))}


def _total(part: Part) -> float | None:
    thousandths = values.integer(part.value.get("totalAmount1000"))
    return None if thousandths is None else thousandths / 1000


#: content key -> rule
TABLE: Mapping[str, Rule | Choice] = {
    # ---------------------------------------------------------- what people write and send
    "conversation": Rule("text", itself),
    "extendedTextMessage": Rule("text", text("text")),
    "questionResponseMessage": Rule("text", text("text")),
    "statusQuestionAnswerMessage": Rule("text", text("text")),
    "imageMessage": Rule("image", text("caption"), extras=_FILE),
    "videoMessage": Rule("video", text("caption"), extras={**_VIDEO, "videoNote": always(False)}),
    "ptvMessage": Rule("video", text("caption"), extras={**_VIDEO, "videoNote": always(True)}),
    "audioMessage": Rule("audio", speech, extras={"ptt": flag("ptt"), "seconds": integer("seconds")}),
    "documentMessage": Rule(
        "document", text("caption"), extras={"fileName": text("fileName", "title"), "mimetype": text("mimetype")}
    ),
    "stickerMessage": Rule("sticker"),
    "stickerPackMessage": Rule("sticker_pack", text("caption"), extras={"name": text("name")}),
    "locationMessage": Rule(
        "location",
        text("comment"),
        extras={**_PLACE, "name": text("name"), "address": text("address"), "live": flag("isLive")},
    ),
    "liveLocationMessage": Rule("location", text("caption"), extras={**_PLACE, "live": always(True)}),
    "contactMessage": Rule("contacts", extras={"contacts": rows(None, _CONTACT)}),
    "contactsArrayMessage": Rule("contacts", extras={"contacts": rows("contacts", _CONTACT)}),
    "eventMessage": Rule("event", text("name"), extras={"startTime": integer("startTime")}),
    "commentMessage": Rule("comment", inner_text("message"), extras={"targetId": text("targetMessageKey.id")}),
    # ---------------------------------------------------------- answers to buttons, lists and forms
    "buttonsResponseMessage": Rule(
        "button_reply",
        text("selectedDisplayText", "selectedButtonId"),
        extras={"selectedId": text("selectedButtonId")},
    ),
    "templateButtonReplyMessage": Rule(
        "button_reply",
        text("selectedDisplayText", "selectedId"),
        extras={"selectedId": text("selectedId"), "selectedIndex": integer("selectedIndex")},
    ),
    "listResponseMessage": Rule(
        "list_reply",
        text("title", "singleSelectReply.selectedRowId"),
        extras={"selectedId": text("singleSelectReply.selectedRowId"), "description": text("description")},
    ),
    "interactiveResponseMessage": Rule(
        "interactive_reply",
        first(text("body.text", "params.title", "params.display_text"), identifier("params.id")),
        prepare=_with_params,
        extras={
            "selectedId": identifier("params.id"),
            "flow": text("nativeFlowResponseMessage.name"),
            "params": lambda part: part.value["params"],
        },
    ),
    # ---------------------------------------------------------- other bots' prompts
    "buttonsMessage": Rule("interactive", text("contentText", "text")),
    "listMessage": Rule("interactive", text("description", "title")),
    "interactiveMessage": Rule("interactive", text("body.text")),
    "templateMessage": Rule("interactive", text(*_TEMPLATE)),
    "highlyStructuredMessage": Rule("interactive", text(*(f"hydratedHsm.{path}" for path in _TEMPLATE))),
    # ---------------------------------------------------------- polls, shops, invitations, payments
    "pollCreationMessage": _POLL,
    "pollCreationMessageV2": _POLL,
    "pollCreationMessageV3": _POLL,
    "pollCreationMessageV5": _POLL,
    "orderMessage": Rule(
        "order",
        text("message"),
        extras={
            "orderId": text("orderId"),
            "itemCount": integer("itemCount"),
            "total": _total,
            "currency": text("totalCurrencyCode"),
        },
    ),
    "productMessage": Rule(
        "product",
        text("body"),
        extras={"productId": text("product.productId"), "title": text("product.title")},
    ),
    "groupInviteMessage": Rule(
        "group_invite",
        text("caption"),
        extras={"groupJid": text("groupJid"), "groupName": text("groupName")},
    ),
    "newsletterAdminInviteMessage": Rule("newsletter_invite", text("caption")),
    "newsletterFollowerInviteMessageV2": Rule("newsletter_invite", text("caption")),
    "sendPaymentMessage": Rule("payment", inner_text("noteMessage")),
    "requestPaymentMessage": Rule("payment", inner_text("noteMessage")),
    "invoiceMessage": Rule("payment", text("note")),
    # ---------------------------------------------------------- what happens to other messages
    "reactionMessage": Rule("reaction", event="reaction", extras={"emoji": text("text"), "targetId": text("key.id")}),
    "pollUpdateMessage": Rule("poll_vote", event="poll_vote", extras={"targetId": text("pollCreationMessageKey.id")}),
    "protocolMessage": Choice(
        "type",
        (
            ("REVOKE", 0, Rule("revoke", event="revoke", extras={"targetId": text("key.id")})),
            (
                "MESSAGE_EDIT",
                14,
                Rule(
                    "edit",
                    inner_text("editedMessage"),
                    event="edit",
                    extras={"targetId": text("key.id"), "editedKind": inner_kind("editedMessage")},
                ),
            ),
        ),
        otherwise=Rule("protocol", event="system"),
    ),
    "secretEncryptedMessage": Choice(
        "secretEncType",
        (("MESSAGE_EDIT", 2, Rule("encrypted_edit", event="edit", extras=_ENCRYPTED_EDIT)),),
        otherwise=Rule("encrypted_edit", event="system", extras=_ENCRYPTED_EDIT),
    ),
    "encReactionMessage": _ADDON,
    "encCommentMessage": _ADDON,
    "encEventResponseMessage": _ADDON,
    # ---------------------------------------------------------- nobody answers these
    "albumMessage": Rule(
        "album",
        event="system",
        extras={"images": integer("expectedImageCount"), "videos": integer("expectedVideoCount")},
    ),
    "call": Rule("call", event="system"),
    "callLogMesssage": Rule("call", event="system"),  # three s: WhatsApp's own spelling
    "bcallMessage": Rule("call", text("caption"), event="system"),
    "scheduledCallCreationMessage": Rule("call", text("title"), event="system"),
    "placeholderMessage": Rule("placeholder", event="system"),
    "requestPhoneNumberMessage": Rule("phone_request", event="system"),
    "pollResultSnapshotMessage": _POLL_RESULT,
    "pollResultSnapshotMessageV3": _POLL_RESULT,
    "paymentInviteMessage": _PAYMENT,
    "declinePaymentRequestMessage": _PAYMENT,
    "cancelPaymentRequestMessage": _PAYMENT,
    "pinInChatMessage": _SYSTEM,
    "keepInChatMessage": _SYSTEM,
    "stickerSyncRmrMessage": _SYSTEM,
    "messageHistoryBundle": _SYSTEM,
    "messageHistoryNotice": _SYSTEM,
    "statusNotificationMessage": _SYSTEM,
}
