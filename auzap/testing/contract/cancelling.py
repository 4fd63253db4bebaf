"""A call that is cancelled ends soon, and lets the cancellation through."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from inspect import iscoroutinefunction, signature
from typing import Any

import auzap.contract.hookspecs as hooks
from auzap.contract.plugin import Plugin
from auzap.model.message import Message
from auzap.model.people import Sender
from auzap.model.reply import Outcome, Reply
from auzap.model.turn import State, Turn
from auzap.testing.contract.subject import Subject

__all__ = ["cancelling"]

#: after so many rounds of the event loop, or seconds, it is cancelled
_ROUNDS = (1, 2, 4)
_SECONDS = 0.02
#: seconds that it may take to end
_SOON = 2.0
#: texts that it is tried with
_MOST = 6


async def cancelling(subject: Subject) -> list[str]:
    """Another plugin, asked first, calls the subject's hook in the middle of a turn, and cancels it."""
    findings: dict[str, None] = {}
    hook = getattr(subject.plugin, "handle_message", None)
    if hook is None or not iscoroutinefunction(hook):
        return []
    wanted = [name for name in signature(hook).parameters if name != "self"]

    class Canceller(Plugin):
        @hooks.hookimpl(tryfirst=True)
        async def handle_message(self, message: Message, sender: Sender, turn: Turn, state: State) -> Outcome:
            given = {"message": message, "sender": sender, "turn": turn, "state": turn.states(subject.name)}
            target: Any = instances[subject.name]
            for when in (*_ROUNDS, _SECONDS) if not findings else ():
                findings.update(
                    dict.fromkeys(
                        await _cancelled(lambda: target.handle_message(**{one: given[one] for one in wanted}), when)
                    )
                )
            return Outcome([Reply("ok")])

    async with subject.bot(subject.setup(Canceller)) as bot:
        instances = await bot.plugins()
        for person in subject.people(bot):
            await bot.posts([person.message({"conversation": text}) for text in subject.says[:_MOST]])
    return list(findings)


async def _cancelled(call: Callable[[], Coroutine[Any, Any, Any]], when: float) -> list[str]:
    task = asyncio.ensure_future(call())
    if isinstance(when, int):
        for _ in range(when):
            await asyncio.sleep(0)
    else:
        await asyncio.sleep(when)
    if task.done():
        if not task.cancelled():
            task.exception()  # told elsewhere
        return []
    task.cancel()
    done, _ = await asyncio.wait([task], timeout=_SOON)
    if not done:
        return ["cancellation: handle_message goes on after it was cancelled; let CancelledError through at once"]
    if not task.cancelled():
        ended = "returns" if task.exception() is None else f"raises {type(task.exception()).__name__}"
        return [f"cancellation: handle_message {ended} when it is cancelled; catch Exception, not CancelledError"]
    return []
