"""Two tenants with the same contact and the same plugin, in one worker: what each attempt to see the other finds."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from auzap.registry import Registry
from auzap.worker.serve import serve
from tests.support.gateway import Gateway
from tests.support.house import House, job, message
from tests.support.services import Site
from tests.support.workers import until

_TENANTS = ("oficina", "padaria")

_PLUGIN = '''
import json
from contextvars import ContextVar

from pydantic import SecretStr
from sqlmodel import select

import auzap
from auzap import Message, Reply, State, Turn
from auzap.tables import Contact, MessageRow, OutboxRow


last = ContextVar("last", default=None)


class Curious(auzap.Plugin):
    """Tells all that it can find, by every service."""

    class Options(auzap.Options):
        greeting: str
        token: SecretStr
        site: str

    @auzap.hookimpl
    async def handle_message(self, message: Message, turn: Turn, state: State) -> Reply:
        async def look(session):
            found = []
            for table in (Contact, MessageRow, OutboxRow):
                found += [row.organization_id for row in (await session.exec(select(table))).all()]
            return sorted(set(found))

        before = await state.get("greeting")
        state.set("greeting", self.options.greeting)
        http = self.http
        answered = await http.get(self.options.site, headers={"x-before": http.headers.get("x-token", "none")})
        http.headers["x-token"] = self.options.token.get_secret_value()
        told = {
            "tenant": self.tenant.id,
            "name": self.tenant.name,
            "greeting": self.options.greeting,
            "token": self.options.token.get_secret_value(),
            "state": before,
            "rows": await turn.once("look", look),
            "site": answered.status_code,
            "last": last.get(),
        }
        last.set(self.tenant.id)
        return Reply(json.dumps(told))

    @auzap.every("1s")
    async def tick(self) -> None:
        text = f"{self.tenant.id} {self.options.greeting} {self.options.token.get_secret_value()}"
        await self.outbox.send(text, phone="11 90000-0010", instance_id="main", key="tick")
'''


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    async with Gateway() as running:
        yield running


def _house(folder: Path, gateway: Gateway, site: str) -> House:
    """Both have the same customer; each has its own of everything that is configured."""
    house = House(folder, gateway.url, tenants=_TENANTS)
    for tenant in _TENANTS:
        of = house.document["tenants"][tenant]
        of["plugins"] = {"curious": {"greeting": f"Olá da {tenant}", "token": f"segredo-{tenant}", "site": site}}
    house.write()
    (folder / "plugins").mkdir()
    (folder / "plugins" / "curious.py").write_text(_PLUGIN, encoding="utf-8")
    return house


def _texts(gateway: Gateway, tenant: str) -> tuple[list[dict[str, Any]], list[str]]:
    """What was answered there, and what came by the clock."""
    texts = [post.text for post in gateway.accepted if post.organization == tenant]
    return [json.loads(text) for text in texts if text[0] == "{"], [text for text in texts if text[0] != "{"]


async def test_options_secrets_state_rows_and_clocks_are_each_ones_own(tmp_path: Path, gateway: Gateway) -> None:
    async with Site.start() as site:
        house = _house(tmp_path, gateway, site.url)
        async with anyio.create_task_group() as working:
            working.start_soon(lambda: serve(house.config, registry=Registry(tmp_path / "plugins")))
            for answers in (1, 2):
                await house.put(*(job(message("oi"), tenant=tenant) for tenant in _TENANTS))
                await until(lambda: all(len(_texts(gateway, one)[0]) == answers for one in _TENANTS))  # noqa: B023
            await until(lambda: all(_texts(gateway, one)[1] for one in _TENANTS))
            working.cancel_scope.cancel()
    for tenant in _TENANTS:
        told, ticks = _texts(gateway, tenant)
        own = {"tenant": tenant, "name": tenant, "greeting": f"Olá da {tenant}", "token": f"segredo-{tenant}"}
        assert [{key: one[key] for key in own} for one in told] == [own, own]
        assert [one["last"] for one in told] == [None, None]
        assert [one["state"] for one in told] == [None, f"Olá da {tenant}"]
        assert [one["rows"] for one in told] == [[tenant], [tenant]]
        assert ticks == [f"{tenant} Olá da {tenant} segredo-{tenant}"], "the other's has the same key"
    before = sorted(line.partition(": ")[2] for lines in site.heard for line in lines if line.startswith("x-before"))
    assert before == ["none", "none", *(f"segredo-{tenant}" for tenant in _TENANTS)]
