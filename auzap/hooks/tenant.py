"""Every hook call of a tenant: one after the other, in the order of its YAML, each with a deadline."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from auzap.contract.plugin import Plugin, TenantInfo
from auzap.hooks.calls import Calls, Implementation
from auzap.hooks.check import (
    Nonsense,
    check_message,
    check_nothing,
    check_outcome,
    check_receipt,
    check_replies,
    check_sender,
)
from auzap.hooks.deadline import DeadlinePassed, SelfCancelled, within
from auzap.hooks.reasons import raised_reason, too_late_reason
from auzap.hooks.register import StrictManager
from auzap.hooks.threads import AllBusy, LeftBehind, Threads
from auzap.logs import get_logger
from auzap.model.errors import HookFailed
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

    Every method raises ``HookFailed`` when a plugin raises, misses its deadline or returns the wrong thing; a
    cancellation from outside passes.

    :param plugins: in the order of the YAML, each with the distribution that it came with.
    :param timeout: seconds; the deadline of plugins whose options have none.
    :param grace: seconds that a plugin may clean up after its deadline; as long again, and it is left behind.
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
    ) -> None:
        self._tenant = tenant
        self._calls = calls
        self._grace = grace
        self._threads = Threads(tenant.id, _THREADS)
        manager = StrictManager()
        manager.add_all(plugins)

        def resolved(hook: str) -> tuple[Implementation, ...]:
            return manager.implementations(hook, tenant.id, timeout)

        self._normalize = resolved("normalize_message")
        self._classify = resolved("classify_sender")
        self._handle = resolved("handle_message")
        self._review = resolved("review_replies")
        self._persist = resolved("persist")
        self._send = resolved("send_reply")
        self._event = resolved("handle_event")

    async def normalize_message(self, payload: Any, instance_id: str) -> Message | None:
        """None: the instance's channel is to read it."""
        answered = await self._first(self._normalize, (payload, instance_id), check_message)
        return None if answered is None else answered.value

    async def classify_sender(self, message: Message, store: TenantStore, instance_id: str) -> Answered[Sender] | None:
        return await self._first(self._classify, (message, store, instance_id), check_sender)

    async def handle_message(self, message: Message, sender: Sender, turn: Turn) -> Answered[Outcome] | None:
        """Ask those whose ``roles`` take the sender. An empty list is an answer: with silence."""
        asked = [one for one in self._handle if one.roles is None or sender.role in one.roles]
        return await self._first(asked, (message, sender, turn), check_outcome)

    async def review_replies(self, replies: Sequence[Reply], turn: Turn) -> tuple[Reply, ...]:
        """Each plugin gets what the one before it returned; None leaves it as it is."""
        reviewed = tuple(replies)
        for one in self._review:
            value = await self._ask(one, (reviewed, turn))
            if value is not None:
                reviewed = _checked(one, check_replies, value)
        return reviewed

    @property
    def has_persist(self) -> bool:
        """Whether a plugin writes in the transaction that stores the outcome."""
        return bool(self._persist)

    async def persist(self, session: AsyncSession, outcome: Outcome, turn: Turn) -> None:
        """Raising means: roll the transaction back."""
        for one in self._persist:
            await self._tell(one, (session, outcome, turn))

    async def send_reply(self, reply: Reply, delivery: Delivery) -> Answered[Receipt] | None:
        """None: the instance's channel is to send it."""
        return await self._first(self._send, (reply, delivery), check_receipt)

    async def handle_event(self, event: Event, instance_id: str, store: TenantStore) -> list[HookFailed]:
        """Tell every plugin. One that fails is logged, and the next is told all the same.

        :return: the failures.
        """
        failures = []
        for one in self._event:
            try:
                await self._tell(one, (event, instance_id, store))
            except HookFailed as failure:
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

    # ------------------------------------------------------------------ one call

    async def _first(
        self, asked: Sequence[Implementation], values: tuple[object, ...], check: Callable[[object], T]
    ) -> Answered[T] | None:
        for one in asked:
            value = await self._ask(one, values)
            if value is not None:
                return Answered(one.plugin, _checked(one, check, value))
        return None

    async def _tell(self, one: Implementation, values: tuple[object, ...]) -> None:
        value = await self._ask(one, values)
        if value is not None:
            _checked(one, check_nothing, value)

    async def _ask(self, one: Implementation, values: tuple[object, ...]) -> Any:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - hooks are called from tasks
        now = monotonic()
        self._calls.begin(task, one, now)
        try:
            call = one.call(values) if one.awaits else self._threads.run(one, values)
            return await within(now + one.timeout, call, grace=self._grace)
        except (asyncio.CancelledError, GeneratorExit):
            raise
        except DeadlinePassed as passed:
            behind = None if isinstance(passed.__cause__, (AllBusy, LeftBehind)) else passed.__cause__
            raise HookFailed(one.plugin, one.hook, too_late_reason(passed, one)) from behind
        except SelfCancelled as stray:
            raise HookFailed(one.plugin, one.hook, _STRAY) from stray.__cause__
        # everything: SystemExit and KeyboardInterrupt of a plugin would end the process, and with it all tenants
        # (Ctrl-C arrives as a cancellation: the worker and asyncio's runner see to it)
        except BaseException as error:
            raise HookFailed(one.plugin, one.hook, raised_reason(error, one)) from error
        finally:
            self._calls.end(task)


_STRAY = "raised CancelledError, but nobody cancelled it: it awaited something that was cancelled"


def _checked(one: Implementation, check: Callable[[object], T], value: object) -> T:
    try:
        return check(value)
    except Nonsense as nonsense:
        raise HookFailed(one.plugin, one.hook, str(nonsense)) from None
    except Exception as error:  # a value of the plugin's own kind, which cannot even be looked at
        raise HookFailed(one.plugin, one.hook, raised_reason(error, one)) from error
