"""What a plugin remembers of a chat is stored with the outcome, or not at all."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.gateway import Gateway
from tests.support.house import House, job, message

OTHER = "5511900000011"


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    async with Gateway() as running:
        yield running


async def test_it_is_there_at_the_next_message_of_the_same_chat(tmp_path: Path, gateway: Gateway) -> None:
    house = House(tmp_path, gateway.url, plugins={"counting": {}}, tenants=["shop", "salon"])
    await house.put(job(message("um")), job(message("outra", phone=OTHER)), job(message("salão"), tenant="salon"))
    await house.put(job(message("dois")), job(message("de outro número"), instance="other"))
    await house.serve()
    said = sorted((post.organization, post.to[:13], post.text) for post in gateway.accepted)
    assert said == [
        ("salon", "5511900000010", "counting 1"),
        ("shop", "5511900000010", "counting 1"),
        ("shop", "5511900000010", "counting 1"),
        ("shop", "5511900000010", "counting 2"),
        ("shop", OTHER, "counting 1"),
    ]


async def test_an_attempt_that_fails_leaves_nothing_behind(tmp_path: Path, gateway: Gateway) -> None:
    house = House(tmp_path, gateway.url, plugins={"counting": {}})
    await house.put(job(message("um")), job(message("!fail")), job(message("três")))
    await house.serve()
    assert [post.text for post in gateway.accepted] == ["counting 1", "counting 2", "counting 3"]


async def test_each_plugin_has_its_own_also_one_that_passes(tmp_path: Path, gateway: Gateway) -> None:
    plugins = {"first": {"use": "counting"}, "counting": {}}
    house = House(tmp_path, gateway.url, plugins=plugins)
    await house.put(job(message("!pass")), job(message("dois")))
    await house.serve()
    assert [post.text for post in gateway.accepted] == ["first 2"]
    stored = house.rows("SELECT plugin, name, value FROM auzap_state ORDER BY plugin")
    assert [tuple(row.values()) for row in stored] == [("counting", "seen", "1"), ("first", "seen", "2")]


async def test_a_reply_says_which_configuration_answered(tmp_path: Path, gateway: Gateway) -> None:
    house = House(tmp_path, gateway.url, plugins={"counting": {}})
    await house.put(job(message("um")))
    await house.serve()
    assert house.one("SELECT config_version FROM auzap_outbox") == house.config.tenants["shop"].version


async def test_plugins_ask_each_other(tmp_path: Path, gateway: Gateway) -> None:
    house = House(tmp_path, gateway.url, plugins={"stall": {}, "market": {}, "esquina": {"use": "stall"}})
    await house.put(job(message("uvas")))
    await house.serve()
    assert [post.text for post in gateway.accepted] == ["uvas de stall, uvas de esquina"]
