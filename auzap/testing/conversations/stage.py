"""The bot that a conversation is played with."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from auzap.config import Config
from auzap.config.models import TenantConfig
from auzap.config.nodes import Mistake, Node, config_error
from auzap.config.tenants import make_tenant
from auzap.model.phones import same_person, typed_digits
from auzap.registry import Registry
from auzap.testing.bot import Bot
from auzap.testing.clock import Clock
from auzap.testing.conversations.play import Played, play
from auzap.testing.conversations.read import Conversation
from auzap.testing.gateway import Gateway, number_of
from auzap.testing.house import housed
from auzap.testing.scratch import scratch
from auzap.testing.setup import CLIENT, Given, Setup, configured

__all__ = ["Stage"]

_CUSTOMERS = ("5511900000010", "5511900000011", "5511900000012")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """What the header does not say.

    :param tenant: of a configuration; None: one as tests have it.
    :param plugins: names of installed ones, where neither the header nor a tenant says which.
    :param registry: makes the registry of a configuration's plugins; it may know a folder of them.
    """

    tenant: TenantConfig | None = None
    plugins: tuple[str, ...] = ()
    plugins_dir: Path | None = None

    async def play(self, conversation: Conversation) -> Played:
        """:raises ConfigError: a plugin or an option of the header is wrong."""
        began = time.monotonic()
        async with self.bot(conversation) as bot:
            difference = await play(conversation, bot)
        return Played(conversation, difference, time.monotonic() - began)

    @asynccontextmanager
    async def bot(self, conversation: Conversation) -> AsyncIterator[Bot]:
        async with AsyncExitStack() as stack:
            folder = stack.enter_context(scratch())
            base, _ = configured(Setup(plugins=self.plugins), folder, number_of(Gateway(Clock().tell)))
            tenant = self._tenant(conversation, base)
            config = base.model_copy(update={"tenants": {tenant.id: tenant}})
            clock = Clock(conversation.header.now, tenant.timezone)
            gateway = Gateway(clock.tell)
            registry: Registry = Given({}, number_of(gateway), self.plugins_dir)
            house = await stack.enter_async_context(housed(config, registry, clock, gateway))
            yield Bot(house, tenant.id, conversation.header.phone or _customer(tenant))

    def _tenant(self, conversation: Conversation, base: Config) -> TenantConfig:
        """What the header says, then the configuration, then what tests have."""
        usual = next(iter(base.tenants.values()))
        found = self.tenant or usual
        header = conversation.header
        if not header.names_plugins and not found.plugins:
            text = "names no plugin: write plugins: {name: {}} above the conversation"
            raise config_error([Mistake(conversation.mark, (), text)])
        if not header.tenant.entries:
            return found
        entries = {**found.raw.node.entries, **header.tenant.entries}
        mistakes: list[Mistake] = []
        made = make_tenant(found.id, replace(header.tenant, value=_flat(entries)), mistakes)
        if made is None:
            raise config_error(mistakes)
        return made


def _flat(entries: dict[str, Node]) -> dict[str, Node]:
    """Plugins may be listed by their names alone."""
    plugins = entries.get("plugins")
    if plugins is None or not isinstance(plugins.value, tuple):
        return entries
    named = {str(one.value): replace(one, value={}) for one in plugins.value}
    return {**entries, "plugins": replace(plugins, value=named)}


def _customer(tenant: TenantConfig) -> str:
    """A pilot answers nobody but its own; and a customer is no owner."""
    owners = [typed_digits(owner) for owner in tenant.owners]
    every = [*(typed_digits(phone) for phone in tenant.only or ()), CLIENT, *_CUSTOMERS]
    return next(one for one in every if one and not any(same_person(one, owner) for owner in owners))
