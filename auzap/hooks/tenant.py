"""Every hook call of a tenant: one after the other, in the order of its YAML, each with a deadline."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from auzap.contract.plugin import Plugin, TenantInfo
from auzap.hooks.ask import Asking
from auzap.hooks.calls import Calls, Implementation
from auzap.hooks.check import (
    check_message,
    check_nothing,
    check_outcome,
    check_receipt,
    check_replies,
    check_sender,
)
from auzap.hooks.circuit import Circuit, Paused
from auzap.hooks.own import Own
from auzap.hooks.register import StrictManager
from auzap.hooks.scheduled import Scheduled
from auzap.hooks.threads import Threads
from auzap.logs import get_logger
from auzap.model.errors import HookFailed, PluginPaused
from auzap.model.event import Event
from auzap.model.message import Message
from auzap.model.people import Sender
from auzap.model.reply import Delivery, Outcome, Receipt, Reply
from auzap.model.turn import TenantStore, Turn

if TYPE_CHECKING:
    from sqlmodel.ext.asyncio.session import AsyncSession

__all__ = ["Answered", "TenantHooks"]

T = TypeVar("T")

log = get_logger("auzap.hooks")

#: worker threads of one tenant
_THREADS = 4


@dataclass(frozen=True, slots=True)
class Answered(Generic[T]):
    """What the first plugin that answered said."""

    plugin: str
    value: T


class TenantHooks:
    """The plugins of one tenant, to be asked.

    Every method raises ``HookFailed`` when a plugin raises, misses its deadline or returns the wrong thing, and
    ``PluginPaused`` when one that is left alone for a while would have to be asked; a cancellation from outside passes.

    :param plugins: in the order of the YAML, each with the distribution that it came with.
    :param timeout: seconds; the deadline of plugins whose options have none.
    :param grace: seconds that a plugin may clean up after its deadline; as long again, and it is left behind.
    :param now: seconds since 1970; by it plugins are left alone.
    :raises PluginError: a plugin is written wrong; the message has a line for each mistake.
    """

    def __init__(
        self,
        tenant: TenantInfo,
        plugins: Sequence[tuple[Plugin, str | None]],
        *,
        timeout: float,
        calls: Calls,
        grace: float = 1.0,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._tenant = tenant
        asking = Asking(calls, Threads(tenant.id, _THREADS), grace=grace)
        self._ask = asking.ask
        manager = StrictManager()
        manager.add_all(plugins)
        self._circuits = {plugin.name: _circuit(tenant, plugin, now) for plugin, _ in plugins}

        def resolved(hook: str) -> tuple[Implementation, ...]:
            return manager.implementations(hook, tenant.id, timeout, self._circuits)

        self._normalize = resolved("normalize_message")
        self._classify = resolved("classify_sender")
        self._handle = resolved("handle_message")
        self._review = resolved("review_replies")
        self._persist = resolved("persist")
        self._send = resolved("send_reply")
        self._event = resolved("handle_event")
        by_name = {plugin.name: (plugin, self._circuits[plugin.name]) for plugin, _ in plugins}
        self._scheduled = Scheduled(tenant.id, by_name, asking, timeout=timeout, now=now)
        #: whoever has to say something about every answer
        self._after = (*self._review, *self._persist)
        for plugin, _ in plugins:
            if isinstance(plugin.services.hooks, Own):
                own = {hook: (names, resolved(hook)) for hook, names in manager.own(plugin).items()}
                plugin.services.hooks.bind(own, self._ask)

    def paused(self) -> list[Paused]:
        """The plugins that kept failing and are left alone for a while, or tried again just now."""
        return [paused for circuit in self._circuits.values() if circuit and (paused := circuit.paused)]

    async def normalize_message(self, payload: Any, instance_id: str) -> Message | None:
        """None: the instance's channel is to read it."""
        answered = await self._first(self._normalize, (payload, instance_id), check_message)
        return None if answered is None else answered.value

    async def classify_sender(self, message: Message, store: TenantStore, instance_id: str) -> Answered[Sender] | None:
        return await self._first(self._classify, (message, store, instance_id), check_sender)

    async def handle_message(self, message: Message, sender: Sender, turn: Turn) -> Answered[Outcome] | None:
        """Ask those whose ``roles`` take the sender. An empty list is an answer: with silence.

        Nobody is asked while a plugin is left alone that would have to review or store the answer.
        """
        for one in self._after:
            if one.circuit is not None and one.circuit.failures:
                one.circuit.expect()
        asked = [one for one in self._handle if one.roles is None or sender.role in one.roles]
        return await self._first(asked, (message, sender, turn), check_outcome)

    async def review_replies(self, replies: Sequence[Reply], turn: Turn) -> tuple[Reply, ...]:
        """Each plugin gets what the one before it returned; None leaves it as it is."""
        reviewed = tuple(replies)
        for one in self._review:
            value = await self._ask(one, (reviewed, turn), check_replies)
            if value is not None:
                reviewed = value
        return reviewed

    @property
    def has_persist(self) -> bool:
        """Whether a plugin writes in the transaction that stores the outcome."""
        return bool(self._persist)

    async def persist(self, session: AsyncSession, outcome: Outcome, turn: Turn) -> None:
        """Raising means: roll the transaction back."""
        for one in self._persist:
            await self._ask(one, (session, outcome, turn), check_nothing)

    async def send_reply(self, reply: Reply, delivery: Delivery) -> Answered[Receipt] | None:
        """None: the instance's channel is to send it."""
        return await self._first(self._send, (reply, delivery), check_receipt)

    async def handle_event(self, event: Event, instance_id: str, store: TenantStore) -> list[HookFailed]:
        """Tell every plugin that is not left alone. One that fails is logged, and the next is told all the same.

        :return: the failures.
        """
        failures = []
        for one in self._event:
            try:
                await self._ask(one, (event, instance_id, store), check_nothing)
            except HookFailed as failure:
                if isinstance(failure, PluginPaused) and failure.plugin == one.plugin:
                    continue
                failures.append(failure)
                log.exception(
                    "Plugin failed",
                    organization_id=one.tenant,
                    plugin=one.plugin,
                    hook=one.hook,
                    event_kind=event.kind,
                    error=failure.reason,
                )
        return failures

    def schedule_timeout(self, plugin: str, method: str) -> float | None:
        """The deadline, in seconds, of a method that runs by the clock; None: there is no such method."""
        one = self._scheduled.find(plugin, method)
        return one.timeout if one is not None else None

    async def run_schedule(self, plugin: str, method: str) -> None:
        """Run a method that is marked with ``every`` or ``daily``.

        :raises LookupError: there is none.
        """
        await self._scheduled.run(plugin, method)

    async def _first(
        self, asked: Sequence[Implementation], values: tuple[object, ...], check: Callable[[object], T]
    ) -> Answered[T] | None:
        for one in asked:
            value = await self._ask(one, values, check)
            if value is not None:
                return Answered(one.plugin, value)
        return None


def _circuit(tenant: TenantInfo, plugin: Plugin, now: Callable[[], float]) -> Circuit | None:
    breaker = plugin.options.breaker
    if breaker is None:
        return None
    return Circuit(tenant.id, plugin.name, most=breaker.failures, pause=breaker.pause, now=now)
