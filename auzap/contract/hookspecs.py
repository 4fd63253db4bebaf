"""The hooks. An implementation names only the arguments it wants.

Write them with ``async def``. ``classify_sender``, ``handle_message`` and ``handle_event`` may be plain ``def``: then
they run in a worker thread. Plugins are asked one after the other, in the order of the tenant's YAML; each call has a
deadline, and one that raises, or returns something else than is written here, costs the turn an attempt.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pluggy

from auzap.model.event import Event
from auzap.model.message import Message
from auzap.model.people import Sender
from auzap.model.reply import Delivery, Outcome, Receipt, Reply
from auzap.model.turn import TenantStore, Turn

if TYPE_CHECKING:
    from sqlmodel.ext.asyncio.session import AsyncSession

__all__ = ["PROJECT", "hookimpl", "hookspec"]

PROJECT = "auzap"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec(firstresult=True)
async def normalize_message(payload: Any, instance_id: str) -> Message | None:
    """Read a payload that the channel does not understand, or not well enough. The channel comes last."""


@hookspec(firstresult=True)
async def classify_sender(message: Message, store: TenantStore, instance_id: str) -> Sender | None:
    """Say who is writing. Owner numbers (YAML and table) and then "a client" come last."""


@hookspec(firstresult=True)
async def handle_message(message: Message, sender: Sender, turn: Turn) -> Reply | Sequence[Reply] | Outcome | None:
    """Answer. The first plugin that returns something but None has answered; an empty list answers with silence."""


@hookspec
async def review_replies(replies: Sequence[Reply], turn: Turn) -> Sequence[Reply] | None:
    """Change the replies before they are stored; each plugin gets what the one before it returned.

    None leaves them as they are; an empty list takes them all away.
    """


@hookspec
async def persist(session: AsyncSession, outcome: Outcome, turn: Turn) -> None:
    """Write in the transaction that stores the outcome. Raising rolls the turn back."""


@hookspec(firstresult=True)
async def send_reply(reply: Reply, delivery: Delivery) -> Receipt | None:
    """Send it another way. The instance's channel comes last."""


@hookspec
async def handle_event(event: Event, instance_id: str, store: TenantStore) -> None:
    """Hear of receipts, echoes, edits, revokes, reactions, takeovers and dead letters.

    A plugin that fails is logged, and the next is told all the same.
    """
