"""Reads the transcription that a gateway puts beside a voice note, as if it had been written."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from auzap import Message
from auzap.contract.normalizer import Normalizer, NormalizerOptions

__all__ = ["VoiceNotes", "VoiceNotesOptions"]


class VoiceNotesOptions(NormalizerOptions):
    """What the mapping under an instance's `normalizer` may say."""

    field: str = Field(default="transcription", description="Where the gateway puts the text.")


class VoiceNotes(Normalizer):
    Options: ClassVar[type[NormalizerOptions]] = VoiceNotesOptions

    options: VoiceNotesOptions

    def normalize(self, payload: Any) -> Message | None:
        text = payload.get(self.options.field) if isinstance(payload, dict) else None
        key = payload.get("key") if isinstance(payload, dict) else None
        if not isinstance(text, str) or not text.strip() or not isinstance(key, dict):
            return None  # the channel reads it
        phone, _, server = str(key.get("remoteJid")).partition("@")
        if server != "s.whatsapp.net" or not phone.isdecimal():
            return None
        name, time = payload.get("pushName"), payload.get("messageTimestamp")
        return Message(
            kind="audio",
            event="message",
            text=text,
            chat_id=f"{phone}@{server}",
            chat_kind="direct",
            message_id=str(key["id"]) if key.get("id") else None,
            from_me=key.get("fromMe") is True,
            contact_phone=phone,
            push_name=name if isinstance(name, str) else None,
            timestamp=time if isinstance(time, int) else None,
        )
