"""What each answer of a gateway means for the reply."""

from __future__ import annotations

import json
from typing import Any

import pytest

from auzap.channels.baileys.answers import read_answer
from auzap.model.errors import Refused, Unreachable
from auzap.model.reply import Receipt

REFUSED = {"success": False, "error": "no"}


def read(status: int, answer: Any) -> Receipt:
    return read_answer(status, answer if isinstance(answer, bytes) else json.dumps(answer).encode())


@pytest.mark.parametrize(
    ("answer", "message_id"),
    [
        ({"success": True, "messageId": "3EB0A1"}, "3EB0A1"),
        ({"success": True, "messageId": 12345}, "12345"),
        ({"success": True}, None),
        ({"success": True, "messageId": None}, None),
        ({"success": True, "messageId": ""}, None),
        ({"success": True, "messageId": {"id": "A"}}, None),
        ({"success": True, "messageId": "A" * 300}, None),
        ({"success": True, "messageId": "A", "code": "not_connected"}, "A"),
        (b'\xef\xbb\xbf{"success": true, "messageId": "A"}', "A"),
    ],
)
@pytest.mark.parametrize("status", [200, 201])
def test_it_was_taken(status: int, answer: Any, message_id: str | None) -> None:
    assert read(status, answer) == Receipt(message_id)


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (401, {}),
        (401, {"success": False, "code": "invalid"}),
        (403, b"Forbidden"),
        (503, b""),
        (503, REFUSED),
        (200, {**REFUSED, "code": "not_connected"}),
        (400, {**REFUSED, "code": "not_connected"}),
        (500, {**REFUSED, "code": "not_connected"}),
        (301, b""),
        (302, {"success": True, "messageId": "A"}),
        (307, b""),
    ],
)
def test_the_gateway_took_nothing(status: int, answer: Any) -> None:
    with pytest.raises(Unreachable, match=f"HTTP {status}"):
        read(status, answer)


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (200, REFUSED),
        (200, {**REFUSED, "code": None}),
        (200, {**REFUSED, "code": "anything"}),
        (200, {**REFUSED, "code": 500}),
        (200, {"success": False}),
        (200, {}),
        (200, {"success": "true"}),
        (200, {"success": 1}),
        (200, {"messageId": "A"}),
        (200, [REFUSED]),
        (200, b""),
        (200, b"<html>welcome</html>"),
        (200, b"\xff\xfe"),
        (200, b"[" * 60_000),
        (204, b""),
        (408, b""),
        (409, REFUSED),
        (425, b""),
        (429, b""),
        (500, b"Internal Server Error"),
        (502, b""),
        (504, b""),
        (500, {"success": True, "messageId": "A"}),
    ],
)
def test_the_same_key_is_worth_another_attempt(status: int, answer: Any) -> None:
    with pytest.raises(Refused, match=f"HTTP {status}") as refused:
        read(status, answer)
    assert not refused.value.final


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (400, REFUSED),
        (400, {"success": True, "messageId": "A"}),
        (404, b"Not Found"),
        (405, b""),
        (413, b""),
        (422, {}),
        (200, {**REFUSED, "code": "not_on_whatsapp"}),
        (200, {**REFUSED, "code": "invalid"}),
        (500, {**REFUSED, "code": "invalid"}),
        (503, {**REFUSED, "code": "not_on_whatsapp"}),
        (429, {**REFUSED, "code": "invalid"}),
    ],
)
def test_it_was_refused_for_good(status: int, answer: Any) -> None:
    with pytest.raises(Refused, match=f"HTTP {status}") as refused:
        read(status, answer)
    assert refused.value.final


def test_what_the_gateway_said_is_told_on_one_short_line() -> None:
    with pytest.raises(Refused) as refused:
        read(200, {"success": False, "error": "no\n\tsession\0 \ud800" + "x" * 1000})
    told = str(refused.value)
    assert told.startswith("refused (HTTP 200): no session \ufffdxxx")
    assert len(told) < 250
