"""Who wrote is known by the person, not by how the address looks; the reply goes where the message came from."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.gateway import GatewayProcess
from tests.support.house import House, job, message
from tests.support.servers import EVERYWHERE, ON_FILES, Standing
from tests.support.tally import assert_no_fault
from tests.support.writing import OWNER, SHIPPED

_PHONE = "5511900000010"
_LID = "123456789012345@lid"


@EVERYWHERE
async def test_one_person_under_several_addresses_is_one_contact(
    tmp_path: Path, standing: Standing, gateway: GatewayProcess
) -> None:
    house = House(tmp_path, gateway.url, plugins=SHIPPED, **standing)
    jids = [f"{_PHONE}@s.whatsapp.net", f"{_PHONE}:12@s.whatsapp.net", f"{_PHONE}@c.us", _LID]
    for number, jid in enumerate(jids):
        await house.put(job(message("oi", jid=jid, id=f"M{number}")))
        await house.serve()

    assert_no_fault(house, gateway.log(), clients=["M0", "M1", "M2", "M3"])
    assert [row["phone"] for row in house.rows("SELECT phone FROM contacts ORDER BY created_at")] == [_PHONE, _LID]
    senders = house.rows("SELECT sender_phone FROM messages WHERE direction = 'inbound' ORDER BY id")
    assert [row["sender_phone"] for row in senders] == [_PHONE, _PHONE, _PHONE, _LID]
    assert [post.to for post in gateway.log()] == [f"{_PHONE}@s.whatsapp.net"] * 3 + [_LID]


@ON_FILES
@pytest.mark.parametrize("user", [OWNER, f"{OWNER}:3"], ids=["plain", "from a device"])
async def test_the_owner_is_the_owner_from_every_device(
    tmp_path: Path, standing: Standing, gateway: GatewayProcess, user: str
) -> None:
    house = House(tmp_path, gateway.url, plugins=SHIPPED, **standing)
    await house.put(job(message("ajuda", jid=f"{user}@s.whatsapp.net", id="M0")))
    await house.serve()

    assert_no_fault(house, gateway.log(), clients=[], owners=["M0"])
    [post] = gateway.log()
    assert "resumo" in post.text
    assert post.to == f"{OWNER}@s.whatsapp.net"
    assert house.rows("SELECT sender_role, answered_by FROM auzap_inbox") == [
        {"sender_role": "owner", "answered_by": "aurora"}
    ]
    assert house.rows("SELECT * FROM contacts") == []
