"""Who writes to the bot, and how each kind of message looks on its way in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from auzap.model.keys import new_id
from auzap.model.phones import phone_key, typed_digits
from auzap.testing.replies import Heard, Replies

if TYPE_CHECKING:
    from auzap.testing.bot import Bot

__all__ = ["KINDS", "Person", "content_of"]


class Person:
    """Somebody with a phone. The same phone is the same person.

    :param bot: whom it writes to.
    :param phone: as people type it.
    :param name: as WhatsApp tells it with each message.
    :param lid: the hidden address; with it messages come from there, as they do in newer accounts.
    """

    def __init__(self, bot: Bot, phone: str, *, name: str | None = None, lid: str | None = None) -> None:
        digits = typed_digits(phone)
        if digits is None or phone_key(digits) is None:
            raise ValueError(f"{phone!r} is no phone number; write it like +55 11 90000-0010")
        self._bot = bot
        self.phone = digits
        self.name = name
        self.lid = lid

    @property
    def chat_id(self) -> str:
        """The chat's JID."""
        return self.lid if self.lid is not None else f"{self.phone}@s.whatsapp.net"

    @property
    def heard(self) -> list[Heard]:
        """All that ever arrived at this person's phone, from any of the tenant's numbers."""
        every = (sent for sent in self._bot.gateway.sent if sent.tenant == self._bot.tenant_id)
        return [Heard(sent) for sent in every if sent.to == self.chat_id]

    async def says(self, *texts: str, instance: str | None = None) -> Replies:
        """Write, and wait for what comes back.

        Several texts arrive together: each is answered by itself, or all at once where the tenant has a ``burst``,
        whose window then passes on the clock.

        :param instance: to which of the numbers; by default the first.
        :raises PluginFailed: a plugin failed at every attempt.
        """
        return await self._bot.hears(self, [self.message({"conversation": text}) for text in texts], instance=instance)

    async def sends(self, kind: str, text: str = "", *, instance: str | None = None, **fields: Any) -> Replies:
        """Send something else than a text.

        :param kind: ``image``, ``video``, ``audio``, ``document``, ``sticker``, ``location``, ``contact``, ``poll``,
            ``button``, ``list``, ``reaction``, ``edit`` or ``revoke``.
        :param text: the caption; of a button or a list what was chosen; of a reaction the emoji.
        :param fields: what only this kind has, as WhatsApp's protobuf calls it: ``seconds``, ``fileName``,
            ``degreesLatitude``; ``id`` of what was chosen; ``about``: the message that a reaction, an edit or a
            revoke is about.
        """
        return await self._bot.hears(self, [self.message(content_of(kind, text, fields))], instance=instance)

    def message(self, content: Mapping[str, Any]) -> dict[str, Any]:
        """As a gateway posts it: ``bot.sends`` takes it, also after it was changed.

        :param content: WhatsApp's, such as ``{"conversation": "oi"}``.
        """
        key = {"remoteJid": self.chat_id, "fromMe": False, "id": _message_id()}
        if self.lid is not None:
            key["remoteJidAlt"] = f"{self.phone}@s.whatsapp.net"
        payload = {"key": key, "message": dict(content), "messageTimestamp": int(self._bot.clock.tell().timestamp())}
        return {**payload, "pushName": self.name} if self.name is not None else payload

    def __repr__(self) -> str:
        return f"Person({self.phone!r})"


def _message_id() -> str:
    return f"3EB0{new_id().replace('-', '').upper()[-18:]}"


def content_of(kind: str, text: str = "", fields: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """WhatsApp's form of a message.

    :raises ValueError: there is no such kind.
    """
    if kind not in KINDS:
        raise ValueError(f"{kind!r} is no kind of message here; there are {', '.join(KINDS)}")
    return KINDS[kind](text, dict(fields or {}))


Fields = dict[str, Any]


def _file(name: str, mimetype: str) -> Callable[[str, Fields], dict[str, Any]]:
    def make(text: str, fields: Fields) -> dict[str, Any]:
        caption = {"caption": text} if text else {}
        return {name: {"mimetype": mimetype, "fileLength": 29, **caption, **fields}}

    return make


def _audio(_: str, fields: Fields) -> dict[str, Any]:
    return {"audioMessage": {"mimetype": "audio/ogg; codecs=opus", "seconds": 7, "ptt": True, **fields}}


def _sticker(_: str, fields: Fields) -> dict[str, Any]:
    return {"stickerMessage": {"mimetype": "image/webp", **fields}}


def _location(text: str, fields: Fields) -> dict[str, Any]:
    place = {"degreesLatitude": -23.55, "degreesLongitude": -46.63}
    return {"locationMessage": {**place, **({"name": text} if text else {}), **fields}}


def _contact(text: str, fields: Fields) -> dict[str, Any]:
    name = text or "Ana"
    card = f"BEGIN:VCARD\nVERSION:3.0\nFN:{name}\nTEL;waid=5511900000011:+55 11 90000-0011\nEND:VCARD"
    return {"contactMessage": {"displayName": name, "vcard": card, **fields}}


def _poll(text: str, fields: Fields) -> dict[str, Any]:
    options: Sequence[str] = fields.pop("options", ("Sim", "Não"))
    choices = [{"optionName": option} for option in options]
    return {"pollCreationMessageV3": {"name": text, "options": choices, "selectableOptionsCount": 1, **fields}}


def _button(text: str, fields: Fields) -> dict[str, Any]:
    chosen = str(fields.pop("id", "1"))
    return {"buttonsResponseMessage": {"selectedButtonId": chosen, "selectedDisplayText": text, "type": 1, **fields}}


def _list(text: str, fields: Fields) -> dict[str, Any]:
    chosen = str(fields.pop("id", "1"))
    return {"listResponseMessage": {"title": text, "singleSelectReply": {"selectedRowId": chosen}, **fields}}


def _reaction(text: str, fields: Fields) -> dict[str, Any]:
    return {"reactionMessage": {"text": text, "key": {"id": str(fields.pop("about", "3EB0"))}, **fields}}


def _edit(text: str, fields: Fields) -> dict[str, Any]:
    about = {"id": str(fields.pop("about", "3EB0"))}
    return {"protocolMessage": {"type": "MESSAGE_EDIT", "key": about, "editedMessage": {"conversation": text}}}


def _revoke(_: str, fields: Fields) -> dict[str, Any]:
    return {"protocolMessage": {"type": "REVOKE", "key": {"id": str(fields.pop("about", "3EB0"))}}}


#: kind -> its content, of a text and what else it has
KINDS: Mapping[str, Callable[[str, Fields], dict[str, Any]]] = {
    "image": _file("imageMessage", "image/jpeg"),
    "video": _file("videoMessage", "video/mp4"),
    "document": _file("documentMessage", "application/pdf"),
    "audio": _audio,
    "sticker": _sticker,
    "location": _location,
    "contact": _contact,
    "poll": _poll,
    "button": _button,
    "list": _list,
    "reaction": _reaction,
    "edit": _edit,
    "revoke": _revoke,
}
