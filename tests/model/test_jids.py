"""JIDs: the address that stays the same, what kind of chat it names, and who is behind it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auzap.model.jids import chat_kind, contact_of, normalize_jid, split_jid


@pytest.mark.parametrize(
    ("jid", "normalized", "kind"),
    [
        ("5511900000010@s.whatsapp.net", "5511900000010@s.whatsapp.net", "direct"),
        ("5511900000010:12@s.whatsapp.net", "5511900000010@s.whatsapp.net", "direct"),
        ("5511900000010_1@s.whatsapp.net", "5511900000010@s.whatsapp.net", "direct"),
        ("5511900000010_1:12@s.whatsapp.net", "5511900000010@s.whatsapp.net", "direct"),
        ("5511900000010@c.us", "5511900000010@s.whatsapp.net", "direct"),
        ("5511900000010:99@hosted", "5511900000010@s.whatsapp.net", "direct"),
        ("100000000000010@lid", "100000000000010@lid", "direct"),
        ("100000000000010:20@lid", "100000000000010@lid", "direct"),
        ("100000000000010:99@hosted.lid", "100000000000010@lid", "direct"),
        ("120363000000000010@g.us", "120363000000000010@g.us", "group"),
        ("5511900000010-1600000000@g.us", "5511900000010-1600000000@g.us", "group"),
        ("status@broadcast", "status@broadcast", "status"),
        ("1600000000@broadcast", "1600000000@broadcast", "broadcast"),
        ("120363000000000010@newsletter", "120363000000000010@newsletter", "newsletter"),
        ("867051314767696@bot", "867051314767696@bot", "bot"),
        ("13135550002@c.us", "13135550002@s.whatsapp.net", "bot"),
        ("13135550002@s.whatsapp.net", "13135550002@s.whatsapp.net", "bot"),
        ("13165550002@c.us", "13165550002@s.whatsapp.net", "bot"),
        ("13165550100@c.us", "13165550100@s.whatsapp.net", "direct"),
        ("131355500020@c.us", "131355500020@s.whatsapp.net", "direct"),
        ("0@s.whatsapp.net", "0@s.whatsapp.net", "system"),
        ("0@c.us", "0@s.whatsapp.net", "system"),
        ("server@c.us", "server@s.whatsapp.net", "system"),
        ("abc@call", "abc@call", "unknown"),
    ],
)
def test_an_address_is_normalized_and_its_kind_is_told(jid: str, normalized: str, kind: str) -> None:
    assert normalize_jid(jid) == normalized
    assert chat_kind(jid) == chat_kind(normalized) == kind


@pytest.mark.parametrize(
    "jid",
    [
        None,
        1,
        True,
        [],
        {},
        b"5511900000010@s.whatsapp.net",
        "",
        "p",
        "5511900000010",
        "@s.whatsapp.net",
        ":1@s.whatsapp.net",
        "5511900000010@",
        "5511900000010@S.WHATSAPP.NET",
        "5511900000010@s.whatsapp.net\n",
        "5511 900000010@s.whatsapp.net",
        "5511\u0000900000010@s.whatsapp.net",
        "5511\ud800@s.whatsapp.net",
        "a@b@s.whatsapp.net",
        "1" * 129 + "@s.whatsapp.net",
        "1" * 1_000_000,
    ],
)
def test_what_is_no_address(jid: object) -> None:
    assert split_jid(jid) is None
    assert normalize_jid(jid) is None
    assert chat_kind(jid) == "unknown"
    assert contact_of([jid]) == (None, None)


@pytest.mark.parametrize(
    ("candidates", "phone", "lid"),
    [
        ([], None, None),
        ([None, "", 5, {}, []], None, None),
        (["5511900000010:3@hosted", "5511900000011@s.whatsapp.net"], "5511900000010", None),
        (["1234@c.us", "1" * 16 + "@c.us", "nome@c.us", "5511900000010@c.us"], "5511900000010", None),
        (["5511900000010@lid", "5511900000010@g.us"], None, "5511900000010@lid"),
        (["100000000000010:20@hosted.lid", "100000000000011@lid"], None, "100000000000010@lid"),
        (["100000000000010@lid", "p", "5511900000010:3@s.whatsapp.net"], "5511900000010", "100000000000010@lid"),
    ],
)
def test_a_person_is_the_first_phone_and_the_first_lid_and_a_lids_digits_are_no_phone(
    candidates: list[object], phone: str | None, lid: str | None
) -> None:
    assert contact_of(candidates) == (phone, lid)


@given(st.text(max_size=80))
def test_normalizing_twice_changes_nothing(text: str) -> None:
    once = normalize_jid(text)
    assert once is None or normalize_jid(once) == once


@given(
    st.text(alphabet="0123456789", min_size=1, max_size=20),
    st.integers(0, 9),
    st.integers(0, 99),
    st.sampled_from(["s.whatsapp.net", "c.us", "hosted", "lid", "hosted.lid"]),
)
def test_agent_and_device_never_matter(user: str, agent: int, device: int, server: str) -> None:
    plain = normalize_jid(f"{user}@{server}")
    assert plain is not None
    for form in (f"{user}_{agent}@{server}", f"{user}:{device}@{server}", f"{user}_{agent}:{device}@{server}"):
        assert normalize_jid(form) == plain
