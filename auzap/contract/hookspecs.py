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
from auzap.model.turn import State, TenantStore, Turn

if TYPE_CHECKING:
    from sqlmodel.ext.asyncio.session import AsyncSession

__all__ = ["PROJECT", "hookimpl", "hookspec"]

PROJECT = "auzap"
#: Marks a function that specifies a hook of a plugin's own, in what its ``hookspecs`` names.
hookspec = pluggy.HookspecMarker(PROJECT)
#: Marks a method that implements a hook. ``tryfirst`` and ``trylast`` ask it before or after the tenant's others;
#: ``optionalhook`` lets it be there when nobody specifies the hook; ``specname`` names the hook where the method's name
#: does not.
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec(firstresult=True)
async def normalize_message(payload: Any, instance_id: str) -> Message | None:
    """Read a payload that the channel does not understand, or not well enough. The channel comes last.

    :param payload: any JSON value, as it arrived.
    :param instance_id: the connected number that it came in on.
    """


@hookspec(firstresult=True)
async def classify_sender(message: Message, store: TenantStore, instance_id: str) -> Sender | None:
    """Say who is writing. Owner numbers (YAML and table) and then "a client" come last.

    :param message: what arrived.
    :param store: the database, as the tenant sees it.
    :param instance_id: the connected number that it came in on.
    """


@hookspec(firstresult=True)
async def handle_message(
    message: Message, sender: Sender, turn: Turn, state: State
) -> Reply | Sequence[Reply] | Outcome | None:
    """Answer. The first plugin that returns something but None has answered; an empty list answers with silence.

    :param message: what was written; of a burst the sum of all.
    :param sender: who wrote it, as it was classified.
    :param turn: what is to be answered at once, with its database and its decisions.
    :param state: what this plugin remembers of the chat; it is stored with the outcome.
    """


@hookspec
async def review_replies(replies: Sequence[Reply], turn: Turn, state: State) -> Sequence[Reply] | None:
    """Change the replies before they are stored; each plugin gets what the one before it returned.

    None leaves them as they are; an empty list takes them all away.

    :param replies: what was answered, as the plugin before this one left it.
    :param turn: what is answered.
    :param state: what this plugin remembers of the chat; it is stored with the outcome.
    """


@hookspec
async def persist(session: AsyncSession, outcome: Outcome, turn: Turn) -> None:
    """Write in the transaction that stores the outcome. Raising rolls the turn back.

    :param session: the transaction, bound to the tenant; it has five seconds.
    :param outcome: what is stored: the answer, after all reviews.
    :param turn: what is answered.
    """


@hookspec(firstresult=True)
async def send_reply(reply: Reply, delivery: Delivery) -> Receipt | None:
    """Send it another way. The instance's channel comes last.

    :param reply: what the plugin answered.
    :param delivery: where to and from which number, with the idempotency key.
    :raises Unreachable: nothing was taken; it costs no attempt.
    :raises Refused: it said no; ``final`` when the same send would be refused again.
    """


@hookspec
async def handle_event(event: Event, instance_id: str, store: TenantStore) -> None:
    """Hear of receipts, echoes, edits, revokes, reactions, takeovers and dead letters.

    A plugin that fails is logged, and the next is told all the same.

    :param event: what happened.
    :param instance_id: the connected number that it happened on.
    :param store: the database, as the tenant sees it.
    """
