from __future__ import annotations

from typing import Any

import pytest
from auzap_voice_notes import VoiceNotes, VoiceNotesOptions

KEY = {"remoteJid": "5511900000010@s.whatsapp.net", "fromMe": False, "id": "3EB0C0FFEE"}
VOICE = {"key": KEY, "message": {"audioMessage": {"seconds": 7, "ptt": True}}, "transcription": "Tem horário hoje?"}


@pytest.fixture
def normalizer() -> VoiceNotes:
    return VoiceNotes(VoiceNotesOptions(use="voice_notes"))


def test_a_voice_note_is_read_as_if_it_had_been_written(normalizer: VoiceNotes) -> None:
    message = normalizer.normalize(VOICE)
    assert message is not None
    assert (message.kind, message.text, message.contact_phone) == ("audio", "Tem horário hoje?", "5511900000010")
    assert message.dispatch


@pytest.mark.parametrize(
    "payload", [None, {}, {**VOICE, "transcription": " "}, {**VOICE, "key": None}, {**VOICE, "key": {"remoteJid": "x"}}]
)
def test_everything_else_is_the_channels(normalizer: VoiceNotes, payload: Any) -> None:
    assert normalizer.normalize(payload) is None
