"""What a plugin answers, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlmodel import SQLModel

__all__ = ["Delivery", "Interaction", "Outcome", "Receipt", "Reply"]


@dataclass(frozen=True, slots=True)
class Reply:
    """One text for the chat that the turn came from.

    :param text: not blank, and at most 65,536 characters.
    :param not_before: send it then, not now; with a time zone.
    """

    text: str
    not_before: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One text on its way: what a channel needs to send it.

    :param organization_id: the tenant's id.
    :param instance_id: the connected number that it leaves from.
    :param to: the chat's normalized JID, as it arrived; never rebuilt from a phone number.
    :param text: what is sent.
    :param key: the idempotency key: the outbox row's id, the same at every attempt.
    """

    organization_id: str
    instance_id: str
    to: str
    text: str
    key: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """The provider took a reply.

    :param message_id: the provider's id of it, if it told one.
    """

    message_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Interaction:
    """What an assistant understood and answered; becomes a row in ``ai_interactions``.

    :param prompt: what was asked.
    :param response: what was answered.
    :param intent: what the person wants, in a word of the plugin's own.
    :param sentiment: in a word of the plugin's own.
    :param confidence: from 0 to 1.
    :param model_used: the model's name, or another word for what answered.
    """

    prompt: str
    response: str
    intent: str | None = None
    sentiment: str | None = None
    confidence: float | None = None
    model_used: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """All that a handler decided about a turn; stored in one transaction before anything is sent.

    :param replies: in the order in which they are sent; none answers with silence.
    :param records: SQLModel instances to insert; ``organization_id`` is filled in where it is empty.
    :param interaction: becomes a row in ``ai_interactions``.
    """

    replies: Sequence[Reply] = ()
    records: Sequence[SQLModel] = field(default=(), kw_only=True)
    interaction: Interaction | None = field(default=None, kw_only=True)
