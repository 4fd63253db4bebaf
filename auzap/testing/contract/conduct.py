"""How it behaves when people write to it: whatever they write, and what is left when it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from itertools import count, repeat
from typing import Any

from auzap.model.errors import AuzapError
from auzap.model.message import MAX_TEXT
from auzap.tables import InboxRow, MessageRow, OutboxRow
from auzap.testing.bot import Bot
from auzap.testing.contract.blocking import Sampler
from auzap.testing.contract.subject import Subject
from auzap.testing.people import KINDS, Person, content_of

__all__ = ["conduct"]

#: nobody says it by chance: where it is found, a customer's words are
_MARK = "xyzzy-7319"
#: texts that turns are crashed and cancelled with; answers that begin with as many characters alike are one
_FEW, _ALIKE = 6, 16
#: the last digits of the first of those who send what is odd
_STRANGERS = 20

#: what it is -> the text
_HOSTILE = {
    "an empty text": "",
    "spaces alone": "  \n ",
    f"a text of {MAX_TEXT:,} characters": f"{_MARK} " + "a" * (MAX_TEXT - len(_MARK) - 1),
    "emoji": f"👩‍👩‍👧‍👦🐾🇧🇷 {_MARK}",
    "half a character": f"oi \ud83d {_MARK}",
    "markup": f"<script>alert('{_MARK}')</script>",
    "a text with quotes and braces": "'; DROP TABLE messages; -- {0} {text} %s $x \\",
    "a number": "12345678901234567890",
    "writing from right to left": "\u202eشكرا\u202c",
    "a line for each letter": "\n".join("resumo"),
}


async def conduct(subject: Subject) -> tuple[list[str], tuple[str, ...]]:
    """Messages, events, the log, the loop, the lifespan.

    :return: also a few texts that make it do different things.
    """
    telling = subject.says[:_FEW]
    before, findings = asyncio.all_tasks(), list[str]()
    try:
        async with subject.bot() as bot:
            findings += await _spoken_to(subject, bot)
            findings += _logged(bot)
            telling = await _telling(subject, bot)
            log = bot.log
    except AuzapError as error:
        return [*findings, *(f"lifespan: it does not open: {line}" for line in str(error).splitlines())], telling
    await asyncio.sleep(0)
    findings += [f"lifespan: {line.get('error')}" for line in log if line["event"] == "Lifespan failed at its end"]
    for task in asyncio.all_tasks() - before:
        findings.append(f"lifespan: a task is left behind: {_named(task)}; start tasks in a task group of lifespan()")
        task.cancel()
    return findings, telling


async def _telling(subject: Subject, bot: Bot) -> tuple[str, ...]:
    """The author's words first, then those that were answered, each answer once."""
    outbox = {row.turn_id: row.content for row in reversed(await bot.rows(OutboxRow)) if row.ordinal == 0}
    answers: dict[str, str] = {}
    for row in await bot.rows(InboxRow, InboxRow.answered_by == subject.name):
        messages = await bot.rows(MessageRow, MessageRow.id == row.id) if row.content is None else []
        text = row.content or (messages[0].content if messages else None)
        if text in subject.says:
            answers.setdefault(outbox.get(row.turn_id, "")[:_ALIKE], text)
    own = subject.says[: subject.of_author]
    return tuple(dict.fromkeys([*own, *answers.values(), *subject.says[:2]]))[: max(_FEW, len(own))]


def _named(task: asyncio.Task[Any]) -> str:
    coroutine = task.get_coro()
    return getattr(coroutine, "__qualname__", None) or task.get_name()


async def _spoken_to(subject: Subject, bot: Bot) -> list[str]:
    """Everything together. What is odd comes from somebody new each time: they are worked at the same time."""
    payloads: list[tuple[str, Any]] = []
    for person in subject.people(bot):
        said = [(f"{text!r}", person.message({"conversation": text})) for text in subject.says]
        marked = f"{subject.says[0]} {_MARK}"
        payloads += [*said, (f"{marked!r}", person.message({"conversation": marked}))]
    strangers = (bot.person(f"+55 11 90000-{number:04d}") for number in count(_STRANGERS))
    first, *others = subject.people(bot)
    payloads += _odd(first, strangers if first is bot.client else repeat(first))
    payloads += [(what, one.message({"conversation": text})) for one in others for what, text in _HOSTILE.items()]
    payloads += _events(bot.client)
    before = len(bot.log)
    with Sampler(bot.calls, subject.files) as sampler:
        envelopes = await bot.posts([payload for _, payload in payloads])
    said_in = {one.id: what for one, (what, _) in zip(envelopes, payloads, strict=True)}
    return [*_failures(bot.log[before:], said_in), *sampler.findings()]


def _failures(log: Sequence[dict[str, Any]], said: Mapping[str, str]) -> Iterator[str]:
    for line in log:
        if line["event"] == "Attempt failed":
            yield f"messages: {said.get(str(line['job_id']))}: {line.get('hook')} {line.get('error')}"
        elif line["event"] == "Plugin failed":
            yield f"messages: the event {line.get('event_kind')}: {line.get('hook')} {line.get('error')}"


def _odd(person: Person, writers: Iterator[Person]) -> Iterator[tuple[str, Any]]:
    """:param writers: who sends the next one."""
    for what, text in _HOSTILE.items():
        yield what, next(writers).message({"conversation": text})
    for kind in KINDS:
        yield f"the kind {kind}", next(writers).message(content_of(kind, _MARK))
    yield "an unknown kind", person.message({"futureMessage": {"text": _MARK}})
    yield "no content", person.message({})


def _events(person: Person) -> Iterator[tuple[str, Any]]:
    key = {"remoteJid": person.chat_id, "fromMe": True, "id": "3EB0"}
    for status in (3, 4, 0):
        yield "a receipt", {"update": {"key": key, "update": {"status": status}}}
    yield "an echo", {**person.message({"conversation": _MARK}), "key": {**key, "id": "3EB0ECHO"}}
    yield "a takeover", {"takeover": {"remoteJid": person.chat_id}}
    yield "a handback", {"handback": {"remoteJid": person.chat_id}}


def _logged(bot: Bot) -> list[str]:
    lines = [line for line in bot.log if _MARK in str(line) and line["event"] not in ("Attempt failed", "Dead letter")]
    events = dict.fromkeys(str(line["event"])[:60] for line in lines)
    return [f"log: {event!r} has words of a customer in it; log ids, not texts" for event in events]
