"""A lifespan is opened and closed by one task; one that fails, hangs or ends by itself stops its own tenant alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import pytest
from auzap_living import LivingChannel

from auzap.contract.channel import Channel
from auzap.registry import Registry
from auzap.tenants.away import TenantBroken
from tests.support.house import House
from tests.support.swaps import Swapping, notes, swapping
from tests.support.workers import until

NOBODY = "http://127.0.0.1:9"


def house(folder: Path, **does: str) -> House:
    """:param does: tenant -> what its lifespan does."""
    built = House(folder, NOBODY, tenants=does, worker={"timeout": "200ms"})
    for tenant, what in does.items():
        plugins = {"living": {"file": str(folder / "notes"), "mark": "one", "does": what}}
        built.document["tenants"][tenant]["plugins"] = plugins
    built.write()
    return built


async def broken(opened: Swapping, tenant: str = "shop") -> str:
    with pytest.raises(TenantBroken) as caught:
        await opened.tenants.take(tenant)
    return str(caught.value)


def events(folder: Path) -> list[str]:
    return [line[0] for line in notes(folder / "notes")]


async def test_one_task_opens_and_closes_it(tmp_path: Path) -> None:
    async with (
        swapping(house(tmp_path, shop="well")) as opened,
        opened.tenants.use("shop"),
        opened.tenants.use("shop"),
    ):
        assert events(tmp_path) == ["open"]
    lines = notes(tmp_path / "notes")
    assert [line[:3] for line in lines] == [["open", "shop", "one"], ["close", "shop", "one"]]
    assert len({line[3] for line in lines}) == 1


async def test_where_nobody_has_one_there_is_no_task(tmp_path: Path) -> None:
    built = House(tmp_path, NOBODY, plugins={"stamp": {"mark": "one"}})
    async with swapping(built) as opened:
        version = await opened.tenants.take("shop")
        assert version.owner is None
        assert {one.owner for one in version.connections.values()} == {None}


@pytest.mark.parametrize(
    ("does", "why"),
    [
        ("raises", "plugin living does not start: LookupError: no such server"),
        ("exits", "plugin living does not start: SystemExit: 3"),
        ("hangs", "plugin living: did not start within 0.2 s"),
    ],
)
async def test_one_that_fails_stops_its_tenant_alone(tmp_path: Path, does: str, why: str) -> None:
    async with swapping(house(tmp_path, shop=does, salon="well")) as opened:
        assert await broken(opened) == why
        async with opened.tenants.use("salon") as salon:
            assert salon.info.id == "salon"


async def test_one_that_is_deaf_to_its_cancellation_is_left_behind(tmp_path: Path) -> None:
    async with swapping(house(tmp_path, shop="deaf"), closing=0.05) as opened:
        with anyio.fail_after(20):
            assert "does not end when it is cancelled" in await broken(opened)
        (tmp_path / "notes.die").touch()


async def test_what_was_opened_before_one_that_fails_is_closed(tmp_path: Path) -> None:
    built = house(tmp_path, shop="well")
    plugins: dict[str, Any] = built.document["tenants"]["shop"]["plugins"]
    plugins["second"] = {"use": "living", "file": str(tmp_path / "notes"), "does": "raises"}
    built.write()
    async with swapping(built) as opened:
        assert "plugin second does not start" in await broken(opened)
        assert events(tmp_path) == ["open", "close"]


async def test_one_that_dies_later_stops_its_tenant_until_it_is_built_again(tmp_path: Path) -> None:
    built = house(tmp_path, shop="dies")
    async with swapping(built) as opened:
        (await opened.tenants.take("shop")).leave()
        (tmp_path / "notes.die").touch()
        with anyio.fail_after(20):
            while opened.tenants.broken() == set():  # noqa: ASYNC110 - nobody tells
                await anyio.sleep(0.01)
        assert await broken(opened) == "plugin living: LookupError: the connection is lost"
        (tmp_path / "notes.die").unlink()
        await opened.save()  # which lets it be tried at once
        async with opened.tenants.use("shop"):
            assert events(tmp_path) == ["open", "close", "open"]


@pytest.mark.parametrize("does", ["raises at its end", "hangs at its end"])
async def test_one_that_does_not_end_well_is_logged_and_holds_up_nobody(
    tmp_path: Path, does: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with anyio.fail_after(20):
        async with swapping(house(tmp_path, shop=does), closing=1) as opened:
            (await opened.tenants.take("shop")).leave()
    assert events(tmp_path) == ["open", "close"]
    told = capsys.readouterr().out
    assert ("it does not close" if does.startswith("raises") else "Lifespan does not end, cancelled") in told


class WithLiving(Registry):
    """Knows a channel that holds a task group open."""

    def channel(self, name: str) -> type[Channel]:
        return LivingChannel if name == "living" else super().channel(name)


async def test_a_channel_with_a_task_group_has_a_task_and_outlives_versions(tmp_path: Path) -> None:
    built = House(tmp_path, NOBODY, plugins={"stamp": {"mark": "one"}})
    instances = {"main": {"channel": "living", "file": str(tmp_path / "notes"), "token": "a"}}
    built.document["tenants"]["shop"]["instances"] = instances
    built.write()
    async with swapping(built, registry=WithLiving()) as opened:
        (await opened.tenants.take("shop")).leave()
        built.document["tenants"]["shop"]["plugins"]["stamp"]["mark"] = "two"
        assert (await opened.save()).changed == ("shop",)
        assert await opened.mark() == "two"
        assert events(tmp_path) == ["open"], "its instance says what it said"
        instances["main"]["token"] = "b"
        assert (await opened.save()).changed == ("shop",)
        await until(lambda: events(tmp_path) == ["open", "open", "close"])
    by_token = {line[2]: line[3] for line in notes(tmp_path / "notes")}
    assert all(line[3] == by_token[line[2]] for line in notes(tmp_path / "notes"))


# ------------------------------------------------------------------ idle


async def test_a_tenant_that_nobody_uses_is_dropped_and_built_again(tmp_path: Path) -> None:
    built = house(tmp_path, shop="well", salon="well")
    async with swapping(built, idle=0.2) as opened, opened.tenants.use("salon"):
        (await opened.tenants.take("shop")).leave()
        await until(lambda: events(tmp_path) == ["open", "open", "close"])
        closed = notes(tmp_path / "notes")[-1]
        assert closed[1] == "shop", "the other one is in use"
        (await opened.tenants.take("shop")).leave()
        assert events(tmp_path) == ["open", "open", "close", "open"]


async def test_who_is_built_while_its_taker_is_cancelled_is_closed(tmp_path: Path) -> None:
    async with swapping(house(tmp_path, shop="slow")) as opened:
        with anyio.move_on_after(0.03):
            await opened.tenants.take("shop")
        async with opened.tenants.use("shop"):
            assert events(tmp_path)[-1] == "open"
    assert events(tmp_path).count("open") == events(tmp_path).count("close")
