"""What is posted becomes one arrival a message, in the right lane, known again when it comes twice."""

from __future__ import annotations

from typing import Any

import pytest

from auzap.channels.baileys import Baileys
from auzap.contract.channel import Arrival
from auzap.model.errors import BadPayload
from tests.support.whatsapp import CLIENT, GROUP, LID, payload

OI = {"conversation": "Oi"}


def one(posted: Any) -> Arrival:
    (arrival,) = Baileys.receive(posted)
    return arrival


def test_a_message_arrives_as_it_was_posted() -> None:
    posted = payload(OI, jid="5511900000010:3@c.us")
    assert one(posted) == Arrival(
        kind="message", chat_id=CLIENT, identity=(CLIENT, False, "3EB0A1", "", "message"), payload=posted
    )


@pytest.mark.parametrize("wrap", [list, lambda messages: {"messages": messages, "type": "notify"}])
def test_several_messages_are_split_in_their_order(wrap: Any) -> None:
    messages = [payload(OI, id="A"), payload(OI, id="B", jid=LID), payload(OI, id="C")]
    arrivals = Baileys.receive(wrap(messages))
    assert [arrival.payload for arrival in arrivals] == messages
    assert [arrival.chat_id for arrival in arrivals] == [CLIENT, LID, CLIENT]


@pytest.mark.parametrize("event", ["messages.upsert", "MESSAGES_UPSERT", "send.message", "messages.set"])
@pytest.mark.parametrize("hold", [lambda one: one, lambda one: [one], lambda one: {"messages": [one]}])
def test_a_webhook_of_evolution_is_opened(event: str, hold: Any) -> None:
    posted = payload(OI)
    assert one({"event": event, "instance": "main", "data": hold(posted), "sender": CLIENT}) == one(posted)


@pytest.mark.parametrize("event", ["connection.update", "messages.delete", "x" * 10_000, "\x1b[2J", "\ud800"])
def test_a_webhook_that_holds_no_message_is_refused(event: str) -> None:
    with pytest.raises(BadPayload, match=r"^no message: a webhook of the event '[ -~]{1,42}'$"):
        Baileys.receive({"event": event, "data": payload(OI)})


@pytest.mark.parametrize(
    "posted",
    [None, 5, "Oi", True, {}, {"message": OI}, {"key": None}, {"key": "A"}, [], {"messages": []}, {"messages": 5}],
)
def test_what_has_no_key_is_refused(posted: Any) -> None:
    with pytest.raises(BadPayload):
        Baileys.receive(posted)


def test_of_several_messages_all_are_taken_or_none() -> None:
    with pytest.raises(BadPayload, match=r"^item 1: no message"):
        Baileys.receive([payload(OI), {"message": OI}])


@pytest.mark.parametrize(
    "posted", [{"key": {}}, payload(OI, jid="p"), payload(OI, jid=None), payload(5), payload({"imageMessage": 5})]
)
def test_what_is_odd_about_a_message_is_left_for_normalize(posted: Any) -> None:
    assert one(posted).kind == "message"
    Baileys.normalize(one(posted).payload)


# ------------------------------------------------------------------ kinds


@pytest.mark.parametrize(
    ("posted", "kind"),
    [
        (payload(OI), "message"),
        (payload({"imageMessage": {}}), "message"),
        (payload({"somethingNew": {}}), "message"),
        (payload({"protocolMessage": {"type": "EPHEMERAL_SETTING"}}), "message"),
        (payload(None, messageStubType=2), "message"),
        (payload(None), "message"),
        (payload(OI, jid=GROUP), "message"),
        (payload(OI, key={"fromMe": True}), "event"),
        (payload({"reactionMessage": {"text": "👍"}}), "event"),
        (payload({"pollUpdateMessage": {}}), "event"),
        (payload({"protocolMessage": {"type": "REVOKE"}}), "event"),
        (payload({"ephemeralMessage": {"message": {"protocolMessage": {"type": 14}}}}), "event"),
        (payload({"editedMessage": {"message": OI}}), "event"),
        (payload({"secretEncryptedMessage": {"secretEncType": 2}}), "event"),
    ],
)
def test_events_have_a_lane_of_their_own(posted: Any, kind: str) -> None:
    assert one(posted).kind == kind


# ------------------------------------------------------------------ identity


def test_the_same_message_is_known_again_in_every_form() -> None:
    live = payload(OI)
    history = {"key": {"remoteJid": CLIENT, "fromMe": False, "id": "3EB0A1"}, "message": OI, "messageTimestamp": "1"}
    device = payload(
        {"messageContextInfo": {}, "conversation": "Oi"}, jid="5511900000010:7@c.us", key={"participant": None}
    )
    assert one(live).identity == one(history).identity == one(device).identity


@pytest.mark.parametrize(
    "other",
    [
        payload(OI, id="3EB0A2"),
        payload(OI, jid=LID),
        payload(OI, key={"fromMe": True}),
        payload(OI, key={"participant": "5511900000011@s.whatsapp.net"}),
        payload({"reactionMessage": {"text": "👍"}}),
        payload(None, messageStubType="GROUP_PARTICIPANT_ADD"),
        payload({"messageContextInfo": {}}),
    ],
)
def test_another_message_is_another(other: Any) -> None:
    assert one(other).identity != one(payload(OI)).identity


@pytest.mark.parametrize("stub", ["CIPHERTEXT", 2])
def test_an_undecryptable_stub_cannot_shadow_the_real_message(stub: Any) -> None:
    assert one(payload(None, messageStubType=stub)).identity is None
    assert one(payload(OI, messageStubType=stub)).identity is not None


@pytest.mark.parametrize("nothing", ["", None, 5, {}])
def test_what_has_no_id_is_never_a_duplicate(nothing: Any) -> None:
    assert one(payload(OI, id=nothing)).identity is None


# ------------------------------------------------------------------ receipts, takeovers


def update(status: Any, **key: Any) -> dict[str, Any]:
    return {"key": {"remoteJid": CLIENT, "fromMe": True, "id": "OUT1", **key}, "update": {"status": status}}


@pytest.mark.parametrize(
    "posted",
    [{"update": update(3)}, {"update": [update(3)]}, update("DELIVERY_ACK"), [update("3")], [{"update": update(3)}]],
)
def test_a_receipt_in_every_form(posted: Any) -> None:
    arrival = one(posted)
    assert (arrival.kind, arrival.chat_id) == ("event", CLIENT)
    assert arrival.identity == (CLIENT, True, "OUT1", "", "receipt delivered")
    found = Baileys.event(arrival.payload)
    assert found is not None
    assert (found.kind, found.status) == ("receipt", "delivered")


def test_receipts_of_one_message_are_told_apart() -> None:
    identities = [arrival.identity for arrival in Baileys.receive({"update": [update(3), update(4), update(0)]})]
    assert len(set(identities)) == 3


@pytest.mark.parametrize(
    "told",
    [
        update(1),
        update("SERVER_ACK"),
        update(None),
        update(True),
        update(4, fromMe=False),
        {"key": {}, "update": {"starred": True}},
    ],
)
def test_an_update_that_is_no_receipt_is_left_out(told: Any) -> None:
    assert Baileys.receive({"update": [told, update(3)]})[0].identity == (CLIENT, True, "OUT1", "", "receipt delivered")
    assert list(Baileys.receive({"update": told})) == []


@pytest.mark.parametrize("posted", [{"update": {}}, {"update": [{}]}, {"update": [5]}, {"update": {"key": 5}}])
def test_an_update_of_no_message_is_refused(posted: Any) -> None:
    with pytest.raises(BadPayload):
        Baileys.receive(posted)


@pytest.mark.parametrize("kind", ["takeover", "handback"])
def test_a_takeover_and_a_handback_are_never_duplicates(kind: str) -> None:
    posted = {kind: {"remoteJid": "5511900000010:2@c.us"}}
    assert one(posted) == Arrival(kind="event", chat_id=CLIENT, identity=None, payload=posted)


@pytest.mark.parametrize("value", [None, {}, 5, CLIENT, {"remoteJid": "p"}])
def test_a_takeover_of_no_chat_is_refused(value: Any) -> None:
    with pytest.raises(BadPayload, match='"takeover" names no chat'):
        Baileys.receive({"takeover": value})
