"""Whatever is posted, the channel says what it is or that it is none, and hands on nothing that cannot be stored."""

from __future__ import annotations

import contextlib
import json
import re
from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auzap.channels.baileys import Baileys
from auzap.channels.baileys.table import TABLE, WRAPPERS
from auzap.model.errors import BadPayload
from auzap.model.keys import dedupe_key
from tests.support.whatsapp import CLIENT, GROUP, LID, payload

FIELDS = re.findall(
    r"\w+",
    """
    key message update status messages takeover handback remoteJid remoteJidAlt participant participantAlt
    senderPn fromMe id text caption body title type contextInfo stanzaId mentionedJid isForwarded
    nativeFlowResponseMessage paramsJson name messageStubType messageTimestamp low high unsigned pushName
    editedMessage noteMessage options contacts displayName fileLength seconds mediaUrl speechToText
    messageContextInfo secretEncType product totalAmount1000 singleSelectReply hydratedTemplate
    """,
)
NAMES = st.sampled_from(sorted({*FIELDS, *TABLE, *WRAPPERS})) | st.text(max_size=5)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.text(alphabet=st.characters(categories=["Cs", "Cc", "Ll"]), max_size=5)
    | st.sampled_from(
        [CLIENT, LID, GROUP, "p", "status@broadcast", "REVOKE", 14, 2, 3, "READ", "[" * 3000, '{"id": 1}']
    )
)
JSON = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=5))
CONTENT = st.dictionaries(st.sampled_from(sorted({*TABLE, *WRAPPERS})), JSON, max_size=3)
MESSAGES = st.fixed_dictionaries(
    {"key": st.dictionaries(st.sampled_from(["remoteJid", "id", "fromMe", "participant"]), JSON, max_size=4)},
    optional={
        "message": CONTENT | JSON,
        "messageStubType": JSON,
        "contextInfo": JSON,
        "update": JSON,
        "pushName": JSON,
    },
)


def check_storable(value: Any) -> None:
    """JSON that any database takes: no NaN, no NUL, no half of a surrogate pair."""
    text = json.dumps(value, allow_nan=False, ensure_ascii=False)
    text.encode()
    assert "\\u0000" not in text


def check(posted: Any) -> None:
    try:
        arrivals = Baileys.receive(posted)
    except BadPayload:
        return
    for arrival in arrivals:
        assert arrival.chat_id.isascii()
        dedupe_key("tenant", "main", *(arrival.identity or ()))
        if arrival.kind == "message":
            check_storable(asdict(Baileys.normalize(arrival.payload)))
        found = Baileys.event(arrival.payload)
        if found is not None:
            check_storable(asdict(found))


@given(JSON)
@settings(max_examples=200, deadline=None)
def test_any_json(posted: Any) -> None:
    check(posted)
    with contextlib.suppress(BadPayload):
        check_storable(asdict(Baileys.normalize(posted)))


@given(MESSAGES)
@settings(max_examples=150, deadline=None)
def test_any_content_under_a_key(posted: Any) -> None:
    check(posted)
    check_storable(asdict(Baileys.normalize(posted)))


@pytest.mark.soak
@given(MESSAGES)
@settings(max_examples=5000, deadline=None)
def test_much_more_content_under_a_key(posted: Any) -> None:
    check(posted)
    check_storable(asdict(Baileys.normalize(posted)))


def nested(levels: int, wrap: str) -> Any:
    value: Any = {"conversation": "Oi"}
    for _ in range(levels):
        value = {wrap: {"message": value, "editedMessage": value, "noteMessage": value}}
    return value


@pytest.mark.parametrize(
    "wrap", ["ephemeralMessage", "protocolMessage", "sendPaymentMessage", "unknown", "commentMessage"]
)
def test_messages_in_messages_without_end(wrap: str) -> None:
    deep = nested(20_000, wrap)
    check(payload(deep))


@pytest.mark.parametrize(
    "params",
    [
        "{" * 10_000,
        "[" * 100_000,
        '{"a":' * 60 + "1" + "}" * 60,
        "\u0003" * 350_000,
        "1" * 10_000,
        "NaN",
        '{"a": 1e999}',
        "",
    ],
)
def test_forms_that_are_no_json(params: str) -> None:
    content = {
        "interactiveResponseMessage": {"body": {"text": "Oi"}, "nativeFlowResponseMessage": {"paramsJson": params}}
    }
    message = Baileys.normalize(payload(content))
    assert (message.text, message.extras["params"], message.dispatch) == ("Oi", None, True)


def test_a_form_with_characters_that_cannot_be_stored() -> None:
    params = json.dumps({"id": "a\0\ud800", "na\0me": ["\udfff"]})
    content = {"interactiveResponseMessage": {"nativeFlowResponseMessage": {"paramsJson": params}}}
    message = Baileys.normalize(payload(content))
    assert message.text == "a\ufffd"
    assert message.extras["params"] == {"id": "a\ufffd", "name": ["\ufffd"]}
