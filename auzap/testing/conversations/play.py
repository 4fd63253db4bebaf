"""Play a conversation, and say where the bot said something else."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from auzap.config.nodes import Mark
from auzap.testing.bot import Bot
from auzap.testing.conversations.read import Conversation, Expect, Say, Step, Wait
from auzap.testing.people import Person
from auzap.testing.replies import Heard, PluginFailed, Replies

__all__ = ["Difference", "Played", "play"]


@dataclass(frozen=True, slots=True)
class Difference:
    """What should have been said, and what was.

    :param mark: of the step.
    :param expected: in words of the file; None: nothing was expected any more.
    :param said: None: nothing was said.
    :param why: why there was no reply, or how a plugin failed.
    """

    mark: Mark
    expected: str | None
    said: str | None
    why: str | None = None

    def lines(self) -> Iterator[str]:
        """For people: the place, then the difference."""
        yield f"{self.mark}: {self._what()}"
        if self.expected is not None:
            yield from _marked("expected", self.expected)
        if self.said is not None:
            yield from _marked("bot said", self.said)
        if self.why is not None:
            yield from _marked("because", self.why)

    def _what(self) -> str:
        if self.said is None:
            return "the bot said nothing"
        return "the bot said more" if self.expected is None else "the bot said something else"


@dataclass(frozen=True, slots=True)
class Played:
    """:param difference: the first; None: all was as it should be."""

    conversation: Conversation
    difference: Difference | None
    seconds: float = 0.0


async def play(conversation: Conversation, bot: Bot) -> Difference | None:
    """Go through the steps until the first difference."""
    return await _Player(conversation, bot).difference()


class _Player:
    def __init__(self, conversation: Conversation, bot: Bot) -> None:
        self._conversation = conversation
        self._bot = bot
        #: what was said since the last step that made the bot talk, and was not expected yet
        self._said: deque[Heard] = deque()
        self._last: Replies = Replies()
        self._writer = bot.client
        self._checked = False

    async def difference(self) -> Difference | None:
        for step in self._conversation.steps:
            found = await self._take(step)
            if found is not None:
                return found
        return self._more(self._conversation.steps[-1].mark)

    async def _take(self, step: Step) -> Difference | None:
        if isinstance(step, Expect):
            self._checked = True
            return self._compare(step)
        more = self._more(step.mark)
        if more is not None:
            return more
        before = len(self._bot.gateway.sent)
        try:
            self._last = await self._act(step)
        except PluginFailed as failure:
            return Difference(step.mark, None, None, str(failure))
        sent = self._bot.gateway.sent[before:]
        self._said = deque(Heard(one) for one in sent if one.tenant == self._bot.tenant_id)
        self._checked = False
        return None

    async def _act(self, step: Say | Wait) -> Replies:
        if isinstance(step, Wait):
            return await self._bot.wait(seconds=step.seconds)
        self._writer = self._person(step)
        if step.kind is None:
            return await self._writer.says(*step.texts)
        return await self._writer.sends(step.kind, step.texts[0] if step.texts else "")

    def _person(self, step: Say) -> Person:
        if step.phone is not None:
            return self._bot.person(step.phone)
        return self._bot.client if step.who == "client" else self._bot.owner

    # ------------------------------------------------------------------ what was said

    def _compare(self, step: Expect) -> Difference | None:
        chat = self._chat(step)
        said = next((one for one in self._said if one.sent.to == chat), None)
        if step.how == "nothing":
            return Difference(step.mark, "nothing", said) if said is not None else None
        expected = _in_words(step)
        if said is None:
            return Difference(step.mark, expected, None, self._why())
        self._said.remove(said)
        return None if _is_as(step, said) else Difference(step.mark, expected, said)

    def _chat(self, step: Expect) -> str:
        if step.to is None:
            return self._writer.chat_id
        return self._bot.owner.chat_id if step.to == "owner" else self._bot.client.chat_id

    def _more(self, mark: Mark) -> Difference | None:
        """Where one reply is expected, all are."""
        left = next(iter(self._said), None) if self._checked else None
        return Difference(mark, None, left) if left is not None else None

    def _why(self) -> str | None:
        if self._last.scheduled:
            later = self._last.scheduled[0]
            return f"scheduled for {later.at:%Y-%m-%d %H:%M} UTC: {later.text}"
        return self._last.reason


def _is_as(step: Expect, said: str) -> bool:
    if step.how == "contains":
        return all(word in said for word in step.words)
    if step.how == "regex":
        return all(re.search(pattern, said) for pattern in step.words)
    return said.rstrip("\n") == "\n".join(step.words)


def _in_words(step: Expect) -> str:
    text = "\n".join(step.words)
    return {"contains": f"contém: {text}", "regex": f"regex: {text}"}.get(step.how, text)


def _marked(name: str, text: str) -> Iterator[str]:
    first, *rest = text.split("\n")
    yield f"  {name + ':':<10} {first}"
    for line in rest:
        yield f"  {'':<10} {line}"
