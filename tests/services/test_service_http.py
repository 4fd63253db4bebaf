"""HTTP clients of plugins: connections are shared, and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from auzap.services import Kit
from auzap.services.http import HttpPool
from tests.support.services import Site, services_of


@pytest.fixture
async def kit() -> AsyncIterator[Kit]:
    made = Kit(None)
    yield made
    await made.aclose()


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with Site.start() as started:
        yield started


async def test_all_tenants_share_the_connections(kit: Kit, site: Site) -> None:
    for tenant in ("a", "b", "c"):
        response = await services_of(kit, tenant).http().get(site.url)
        assert response.text == "ok"
    assert site.connections == 1


async def test_cookies_and_headers_are_each_plugins_own(kit: Kit, site: Site) -> None:
    one, other = services_of(kit, "a"), services_of(kit, "a", plugin="agenda")
    one.http().headers["authorization"] = "Bearer segredo"
    await one.http().get(site.url)
    await other.http().get(site.url)
    await one.http().get(site.url)
    first, second, third = (" ".join(lines) for lines in site.heard)
    assert "bearer segredo" in first
    assert "segredo" not in second
    assert "cookie" not in second
    assert "cookie: who=n1" in third
    assert one.http() is one.http() is not other.http()


async def test_a_client_that_a_plugin_closes_closes_nobodys_connections(kit: Kit, site: Site) -> None:
    one, other = services_of(kit, "a"), services_of(kit, "b")
    async with one.http() as client:
        await client.get(site.url)
    await other.http().get(site.url)
    async with one.http() as again:  # which is another one
        await again.get(site.url)
    assert site.connections == 1


async def test_what_is_not_read_to_its_end_gives_its_connection_back(kit: Kit, site: Site) -> None:
    for _ in range(50):
        async with services_of(kit).http().stream("GET", site.url) as response:
            assert response.status_code == 200
    assert len(site.heard) == 50


async def test_one_plugin_never_has_all_connections(site: Site) -> None:
    pool = HttpPool(each=3)
    greedy, other = pool.client(), pool.client()
    site.gate.clear()
    waiting = [asyncio.ensure_future(greedy.get(site.url)) for _ in range(10)]
    await site.has_open(3)
    with pytest.raises(httpx.PoolTimeout, match="of this plugin"):
        await greedy.get(site.url, timeout=0.05)
    another = asyncio.ensure_future(other.get(site.url))
    await site.has_open(4)
    assert site.most_open == 4
    waiting.pop().cancel()
    waiting.pop(0).cancel()
    site.gate.set()
    assert [response.text for response in await asyncio.gather(another, *waiting)] == ["ok"] * 9
    await pool.aclose()


async def test_where_plugins_are_only_looked_at_no_client_is_made() -> None:
    kit = Kit(None)
    services_of(kit)
    await kit.aclose()
