"""Real messages changed by chance: whatever comes is a message or is told to be none, and only messages are answered.

``python -m benchmarks.normalize --payloads 1000000`` is the long form.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from itertools import islice
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auzap.channels.baileys import Baileys
from auzap.model.errors import BadPayload
from auzap.model.jids import normalize_jid
from benchmarks.normalize import Tally, admit_all, tenants
from benchmarks.payloads import fixtures, may_be_answered, payloads

REAL = [json.loads(text) for _, text in fixtures("live", "plain")]
SERVERS = st.sampled_from(
    ["s.whatsapp.net", "c.us", "hosted", "lid", "hosted.lid", "g.us", "broadcast", "newsletter", "bot", "C.US"]
)
JIDS = st.text(max_size=40) | st.builds(
    "{}{}@{}".format, st.text("0123456789-", max_size=20), st.sampled_from(["", ":3", "_1", "_1:3", ":", "@"]), SERVERS
)


def seconds() -> st.SearchStrategy[Any]:
    longs = st.fixed_dictionaries({"low": st.integers(-(2**31), 2**32), "high": st.integers(-(2**31), 2**32)})
    return st.integers() | st.floats() | st.text("0123456789.-e", max_size=25) | longs | st.none() | st.booleans()


@pytest.mark.parametrize("many", [6_000, pytest.param(100_000, marks=pytest.mark.soak)])
async def test_thousands_of_payloads_break_nothing(many: int) -> None:
    tally = Tally()
    async with tenants() as both:
        admit_all(islice(payloads(seed=2), many), both, tally)
    assert (tally.crashes, tally.wrong) == (0, 0), tally.examples[0]
    assert tally.dispatched > many / 4, "the generator makes messages too"
    assert tally.refused > many / 20
    assert len(tally.kinds) > 30


@given(st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_whatever_is_read_can_be_written_again(seed: int) -> None:
    for payload in islice(payloads(seed), 5):
        try:
            message = Baileys.normalize(payload)
        except BadPayload:
            assert not may_be_answered(payload)
            continue
        json.dumps(asdict(message), allow_nan=False, ensure_ascii=False).encode()
        assert message.dispatch <= may_be_answered(payload)


@given(st.sampled_from(REAL), JIDS, JIDS)
def test_addresses_stay_the_same_once_they_are_normalized(payload: dict[str, Any], jid: str, other: str) -> None:
    message = Baileys.normalize({**payload, "key": {**payload["key"], "remoteJid": jid, "participant": other}})
    again = {**payload["key"], "remoteJid": message.chat_id, "participant": normalize_jid(other)}
    same = Baileys.normalize({**payload, "key": again})
    assert (same.chat_id, same.chat_kind, same.dispatch) == (message.chat_id, message.chat_kind, message.dispatch)
    assert (same.contact_phone, same.contact_lid) == (message.contact_phone, message.contact_lid)


@given(st.sampled_from(REAL), seconds())
def test_the_time_is_whole_seconds_of_a_date_or_none(payload: dict[str, Any], told: Any) -> None:
    found = Baileys.normalize({**payload, "messageTimestamp": told}).timestamp
    assert found is None or (type(found) is int and 0 < found < 253_402_300_800)
