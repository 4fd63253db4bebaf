"""A tenant is built when it is first needed, and once; one that is wrong stops alone, and nothing of it is lost."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from auzap.registry import Registry
from auzap.tenants.away import TenantBroken, TenantUnknown
from auzap.tenants.runtime import Tenant
from auzap.tenants.survey import survey
from tests.support.gateway import Gateway
from tests.support.house import House, job, message
from tests.support.tenancies import tenancy
from tests.support.workers import until, working

NOBODY = "http://127.0.0.1:9"


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    async with Gateway() as running:
        yield running


def fragile(folder: Path, **options: str) -> dict[str, Any]:
    return {"fragile": {"file": str(folder / "built"), **options}}


async def test_it_is_built_when_it_is_first_needed_and_once(tmp_path: Path) -> None:
    house = House(tmp_path, NOBODY, tenants=["shop", "salon"], plugins=fragile(tmp_path))
    got: list[Tenant] = []
    async with tenancy(house) as opened:
        assert not (tmp_path / "built").exists()

        async def get() -> None:
            async with opened.tenants.use("shop") as tenant:
                got.append(tenant)

        async with anyio.create_task_group() as lanes:
            for _ in range(10):
                lanes.start_soon(get)
    assert len(got) == 10
    assert {id(tenant) for tenant in got} == {id(got[0])}
    assert (tmp_path / "built").read_text() == "shop\n"
    assert house.one("SELECT count(*) FROM owner_numbers") == 1


async def test_one_whose_build_was_cancelled_is_built_by_the_next(tmp_path: Path) -> None:
    house = House(tmp_path, NOBODY, plugins=fragile(tmp_path))
    async with tenancy(house) as opened:
        with anyio.CancelScope() as scope:
            scope.cancel()
            await opened.tenants.take("shop")
        assert (await opened.tenants.take("shop")).tenant.info.name == "shop"


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ("raises", "LookupError: no price list"),
        ("exits", "SystemExit: 3"),
        ("missing", "FileNotFoundError"),
    ],
)
async def test_whatever_a_plugin_raises_when_it_is_made_stops_its_tenant_alone(
    tmp_path: Path, gateway: Gateway, how: str, told: str
) -> None:
    house = House(tmp_path, gateway.url, tenants=["shop", "salon"])
    house.document["tenants"]["salon"]["plugins"] = fragile(tmp_path, how=how)
    house.write()
    (broken,) = survey(house.config, Registry()).items()
    assert broken[0] == "salon"
    for part in ("config.yaml", "fragile", "auzap-trouble", told, "auzap_trouble.py:" if how != "missing" else ""):
        assert part in str(broken[1])

    await house.put(*(job(message("oi", phone=f"55119000000{n}"), tenant="salon") for n in range(10, 15)))
    await house.put(job(message("oi")))
    await house.serve_until(lambda: len(gateway.posts) == 1 and len(_deferred(house)) == 5)
    assert (await house.stats()).dead == 0
    assert {row["attempts"] for row in house.queued("SELECT attempts FROM envelopes")} == {0}

    house.document["tenants"]["salon"]["plugins"] = {"trouble": {}}
    house.write()
    house.queued("UPDATE lanes SET due = 0")  # thirty seconds later
    await house.serve()
    assert len({post.key for post in gateway.posts}) == 6


def _deferred(house: House) -> list[Any]:
    return house.queued("SELECT lane FROM lanes WHERE state = 'deferred'")


async def test_a_broken_one_is_told_again_and_again_at_no_cost(tmp_path: Path) -> None:
    """An exception that is raised twice grows by a traceback each time."""
    house = House(tmp_path, NOBODY, tenants=["shop"], plugins=fragile(tmp_path, how="raises"))
    async with tenancy(house) as opened:
        depths = set()
        for _ in range(5):
            with pytest.raises(TenantBroken, match="no price list") as caught:
                await opened.tenants.take("shop")
            depths.add(len(caught.traceback))
        gc.collect()
        assert len(depths) <= 2
    assert (tmp_path / "built").read_text() == "shop\n", "nobody tries again"


async def test_an_unknown_one_is_told_from_one_that_may_stand_in_a_broken_file(tmp_path: Path) -> None:
    house = House(tmp_path, NOBODY)
    async with tenancy(house) as opened:
        with pytest.raises(TenantUnknown, match="unknown tenant: salon"):
            await opened.tenants.take("salon")


async def test_messages_for_an_unknown_tenant_are_dead_letters(tmp_path: Path, gateway: Gateway) -> None:
    house = House(tmp_path, gateway.url, tenants=["shop", "salon"])
    await house.put(job(message("um"), tenant="salon"), job(message("dois"), tenant="salon"), job(message("oi")))
    del house.document["tenants"]["salon"]
    house.write()
    await house.serve()
    letters = await house.dead()
    assert [(letter.stage, letter.reason) for letter in letters] == [("tenant", "unknown tenant: salon")] * 2
    assert [letter.payload["message"]["conversation"] for letter in letters] == ["um", "dois"]
    assert [post.text for post in gateway.posts] == ["ok: oi"]


@pytest.mark.parametrize("broken", ["salon: {plugins: {trouble: {}", "salon: {plugins: {trouble: {}}, owners: [abc]}"])
async def test_those_of_a_broken_file_wait_until_it_is_mended(tmp_path: Path, gateway: Gateway, broken: str) -> None:
    house = House(tmp_path, gateway.url, tenants=["shop", "salon"], tenants_from="tenants/*.yaml")
    await house.put(job(message("espera"), tenant="salon"), job(message("oi")))
    salon = house.document["tenants"].pop("salon")
    (tmp_path / "tenants").mkdir()
    (tmp_path / "tenants" / "salon.yaml").write_text(broken)
    house.write()
    worker = house.start()
    with working(worker):
        await until(lambda: len(_deferred(house)) == len(house.queued("SELECT id FROM envelopes")) == 1)
    assert any(line["event"] == "Configuration broken" and "salon" in str(line) for line in house.log())
    assert house.queued("SELECT state FROM envelopes") == [{"state": "waiting"}]

    (tmp_path / "tenants" / "salon.yaml").unlink()
    house.document["tenants"]["salon"] = salon
    house.write()
    house.queued("UPDATE lanes SET due = 0")  # thirty seconds later
    await house.serve()
    assert [post.text for post in gateway.posts] == ["ok: oi", "ok: espera"]
