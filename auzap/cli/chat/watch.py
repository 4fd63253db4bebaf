"""What the turns tell of themselves while they go on: the hooks' results, and the log."""

from __future__ import annotations

import asyncio
import io
import json
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TextIO, cast

from auzap.hooks import TenantHooks
from auzap.hooks.tenant import Answered
from auzap.model.message import Message
from auzap.model.people import Sender
from auzap.model.reply import Outcome
from auzap.model.turn import TenantStore, Turn
from auzap.tenants.runtime import Tenant
from auzap.tenants.tenants import Tenants

__all__ = ["Failure", "Tap", "Trace", "Watch", "WatchedTenants"]


@dataclass(frozen=True, slots=True)
class Failure:
    """A plugin failed; an attempt is used."""

    plugin: str
    hook: str
    attempt: int
    error: str


@dataclass(slots=True)
class Trace:
    """Of one message. Times are seconds, of all attempts."""

    #: None: no plugin knew
    classified_by: str | None = None
    classifying: float = 0.0
    #: None: no plugin answered
    answered_by: str | None = None
    handling: float = 0.0
    failures: list[Failure] = field(default_factory=list)
    #: stage and reason
    dead: tuple[str, str] | None = None


class Watch:
    """Notes who classified, who answered and how long it took, by the message's id."""

    def __init__(self) -> None:
        self._traces: dict[str, Trace] = {}
        #: chat -> who answered there last
        self._answering: dict[str, str] = {}

    def trace(self, message_id: str | None) -> Trace:
        return self._traces.setdefault(message_id or "", Trace())

    def answering(self, chat_id: str) -> str | None:
        return self._answering.get(chat_id)

    def classified(self, message: Message, by: str | None, took: float) -> None:
        trace = self.trace(message.message_id)
        trace.classified_by, trace.classifying = by, trace.classifying + took

    def handled(self, messages: Sequence[Message], by: str | None, took: float) -> None:
        for message in messages:
            trace = self.trace(message.message_id)
            trace.answered_by, trace.handling = by, trace.handling + took
            if by is not None:
                self._answering[message.chat_id] = by


class _WatchedHooks:
    """A tenant's hooks; what is not watched goes straight through."""

    def __init__(self, hooks: TenantHooks, watch: Watch) -> None:
        self._hooks = hooks
        self._watch = watch

    def __getattr__(self, name: str) -> Any:
        return getattr(self._hooks, name)

    async def classify_sender(self, message: Message, store: TenantStore, instance_id: str) -> Answered[Sender] | None:
        began, answered = time.monotonic(), None
        try:
            answered = await self._hooks.classify_sender(message, store, instance_id)
        finally:
            self._watch.classified(message, answered.plugin if answered else None, time.monotonic() - began)
        return answered

    async def handle_message(self, message: Message, sender: Sender, turn: Turn) -> Answered[Outcome] | None:
        began, answered = time.monotonic(), None
        try:
            answered = await self._hooks.handle_message(message, sender, turn)
        finally:
            self._watch.handled(turn.messages, answered.plugin if answered else None, time.monotonic() - began)
        return answered


class WatchedTenants(Tenants):
    """Tenants whose hooks are watched."""

    def __init__(self, *given: Any, watch: Watch, **named: Any) -> None:
        super().__init__(*given, **named)
        self._watch = watch

    def watched(self, tenant: Tenant) -> Tenant:
        return replace(tenant, hooks=cast("TenantHooks", _WatchedHooks(tenant.hooks, self._watch)))


class Tap(io.TextIOBase):
    """Where the log goes: into a file, if there is one, and event by event to whoever listens.

    Lines may be written in any thread; who listens is told in the event loop.
    """

    def __init__(self, file: TextIO | None) -> None:
        self._file = file
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = 0
        self._heard: Callable[[dict[str, Any]], None] = _nobody

    def listen(self, heard: Callable[[dict[str, Any]], None]) -> None:
        """Call it in the event loop."""
        self._loop, self._thread, self._heard = asyncio.get_running_loop(), threading.get_ident(), heard

    def write(self, text: str) -> int:
        if self._file is not None:
            self._file.write(text)
        for line in text.splitlines():
            event = json.loads(line)
            if threading.get_ident() == self._thread:
                self._heard(event)
            elif self._loop is not None and not self._loop.is_closed():
                self._loop.call_soon_threadsafe(self._heard, event)
        return len(text)

    def flush(self) -> None:
        if self._file is not None:
            self._file.flush()


def _nobody(_: dict[str, Any]) -> None:
    """Before somebody listens."""
