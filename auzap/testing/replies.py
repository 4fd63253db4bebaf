"""What a bot answered."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from auzap.contract.queue import DeadLetter
from auzap.testing.gateway import Sent

__all__ = ["Heard", "PluginFailed", "Replies", "Scheduled"]


class PluginFailed(AssertionError):
    """A plugin failed at every attempt, and the message is a dead letter. ``__cause__`` is what the plugin raised."""


class Heard(str):
    """One message that arrived: a text that knows where it came from."""

    __slots__ = ("sent",)

    sent: Sent

    def __new__(cls, sent: Sent) -> Heard:
        text = super().__new__(cls, sent.text)
        text.sent = sent
        return text


@dataclass(frozen=True, slots=True)
class Scheduled:
    """A reply that is to leave later."""

    text: str
    at: datetime


class Replies(list[Heard]):
    """The texts that arrived, in order; equal to a list of them.

    :param answered_by: the plugin that answered, by its name in the YAML.
    :param reason: why there is no reply, such as ``nobody_answered``; or why the message is dead.
    :param role: who wrote, as it was classified.
    :param state: ``done`` or ``dead``; ``waits`` when the turn is to go on later (a gateway that is away).
    :param scheduled: what is to leave later.
    :param dead: the message as a dead letter.
    :param turn_id: ``auzap_inbox.turn_id``; ``bot.trace(replies)`` tells more.
    """

    def __init__(
        self,
        heard: Iterable[Heard] = (),
        *,
        answered_by: str | None = None,
        reason: str | None = None,
        role: str | None = None,
        state: str = "done",
        scheduled: Iterable[Scheduled] = (),
        dead: DeadLetter | None = None,
        turn_id: str | None = None,
    ) -> None:
        super().__init__(heard)
        self.answered_by = answered_by
        self.reason = reason
        self.role = role
        self.state = state
        self.scheduled = list(scheduled)
        self.dead = dead
        self.turn_id = turn_id

    @property
    def text(self) -> str:
        """All of them, a line break between two."""
        return "\n".join(self)
