"""What a gateway's answer means: taken, refused for now, refused for good, or not reachable."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from auzap.channels.baileys.values import identifier, json_object, text
from auzap.model.errors import Refused, Unreachable
from auzap.model.reply import Receipt

__all__ = ["read_answer"]

_NOT_CONNECTED = "not_connected"
_FINAL_CODES = ("not_on_whatsapp", "invalid")
#: timed out reading, the same key is being sent, too early, too many: the same request may do better later
_PASSING = (408, 409, 425, 429)
_LONGEST_ID = 256
_LONGEST_REASON = 200


def read_answer(status: int, body: bytes) -> Receipt:
    """The receipt of a send that was taken.

    A final code is believed at any status but 401 and 403, whose meaning is the token.

    :param status: the HTTP status.
    :raises Unreachable: the gateway took nothing, and would take nothing else either.
    :raises Refused: it said no, or what it said is not understood.
    """
    answer = json_object(body.decode("utf-8-sig", "replace")) or {}
    taken, code = answer.get("success"), identifier(answer.get("code"))
    fine = 200 <= status < 300
    if fine and taken is True:
        return Receipt(_message_id(answer))
    if status in (401, 403):
        raise Unreachable(_reason(status, "the gateway does not accept the token", answer))
    if code in _FINAL_CODES:
        raise Refused(_reason(status, f"refused: {code}", answer), final=True)
    if code == _NOT_CONNECTED or status == 503:
        raise Unreachable(_reason(status, "not connected to WhatsApp", answer))
    if 300 <= status < 400:
        raise Unreachable(_reason(status, "redirected: the url is not the gateway's", answer))
    if fine and taken is not False:
        what = 'not understood: the answer is no JSON object with "success"'
        raise Refused(_reason(status, what, answer), final=False)
    raise Refused(_reason(status, "refused", answer), final=400 <= status < 500 and status not in _PASSING)


def _message_id(answer: Mapping[str, Any]) -> str | None:
    found = identifier(answer.get("messageId"))
    return found if found is not None and len(found) <= _LONGEST_ID else None


def _reason(status: int, what: str, answer: Mapping[str, Any]) -> str:
    told = " ".join((text(answer.get("error")) or "").split())[:_LONGEST_REASON]
    return f"{what} (HTTP {status})" + (f": {told}" if told else "")
