"""Who is an owner: by any form of the number, by the table, and by a LID that was seen beside the number."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from auzap.model.message import Message
from auzap.tenants.owners import OwnerBook
from tests.support.house import House
from tests.support.tenancies import Tenancy, tenancy

PHONE, WITH_NINE, WITHOUT = "5511900000001", "5511990000002", "551190000002"
LID, OTHER_LID = "100000000000001@lid", "100000000000009@lid"


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path, "http://127.0.0.1:9", owners=["(11) 90000-0001", f"+{WITH_NINE}"])


@pytest.fixture
async def opened(house: House) -> AsyncIterator[Tenancy]:
    async with tenancy(house) as opened:
        yield opened


async def book(opened: Tenancy) -> OwnerBook:
    return (await opened.tenants.take("shop")).tenant.owners


def wrote(phone: str | None = None, lid: str | None = None) -> Message:
    return Message(
        kind="text",
        event="message",
        text="oi",
        chat_id=lid or f"{phone}@s.whatsapp.net",
        chat_kind="direct",
        message_id="WA1",
        contact_phone=phone,
        contact_lid=lid,
    )


@pytest.mark.parametrize("phone", [PHONE, WITH_NINE, WITHOUT])
async def test_by_any_form_of_a_number_in_the_yaml(opened: Tenancy, phone: str) -> None:
    assert await (await book(opened)).find(wrote(phone)) is not None


async def test_others_are_not(opened: Tenancy) -> None:
    owners = await book(opened)
    for phone, lid in (("5511900000010", None), (None, LID), ("5511900000010", LID), (None, None)):
        assert await owners.find(wrote(phone, lid)) is None


async def test_nobody_is_when_there_are_none(tmp_path: Path) -> None:
    house = House(tmp_path, "http://127.0.0.1:9", owners=[])
    async with tenancy(house) as opened:
        assert await (await book(opened)).find(wrote(None, None)) is None
        assert await (await book(opened)).find(wrote(PHONE)) is None


async def test_by_a_lid_that_was_seen_beside_the_number(house: House) -> None:
    async with tenancy(house) as opened:
        owners = await book(opened)
        assert await owners.find(wrote(None, LID)) is None
        beside = await owners.find(wrote(WITHOUT, LID))
        alone = await owners.find(wrote(None, LID))
        assert beside is not None
        assert alone is not None
        assert alone.id == beside.id
        assert alone.phone == WITH_NINE
        assert await owners.find(wrote(None, OTHER_LID)) is None
    async with tenancy(house) as opened:  # after a restart
        assert await (await book(opened)).find(wrote(None, LID)) is not None


async def test_by_the_table_and_no_more_once_it_says_so(house: House, opened: Tenancy) -> None:
    seconds = 1000.0
    tenant = (await opened.tenants.take("shop")).tenant
    owners = OwnerBook(tenant.info.id, opened.store, clock=lambda: seconds)
    assert await owners.find(wrote("5511900000003")) is None
    house.rows(
        "INSERT INTO owner_numbers (id, organization_id, phone, name, role, active, created_at)"
        " VALUES ('seed', 'shop', '+55 11 90000-0003', 'Ana', 'owner', 1, '2025-01-01')"
    )
    assert await owners.find(wrote("5511900000003")) is None, "the page is fresh"
    seconds += 5.1
    found = await owners.find(wrote("5511900000003", OTHER_LID))
    assert found is not None
    assert (found.id, found.name) == ("seed", "Ana")
    house.rows("UPDATE owner_numbers SET active = 0 WHERE id = 'seed'")
    seconds += 5.1
    assert await owners.find(wrote("5511900000003")) is None
    assert await owners.find(wrote(None, OTHER_LID)) is None


async def test_those_of_another_tenant_are_not(tmp_path: Path) -> None:
    house = House(tmp_path, "http://127.0.0.1:9", tenants=["shop", "salon"])
    house.document["tenants"]["salon"]["owners"] = ["+55 11 90000-0005"]
    house.write()
    async with tenancy(house) as opened:
        assert await (await opened.tenants.take("salon")).tenant.owners.find(wrote("5511900000005")) is not None
        assert await (await opened.tenants.take("shop")).tenant.owners.find(wrote("5511900000005")) is None
        assert await (await opened.tenants.take("salon")).tenant.owners.find(wrote(PHONE)) is None
