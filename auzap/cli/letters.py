"""Which dead letters a command is about."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import datetime

import click

from auzap.contract.queue import DeadLetter, Queue
from auzap.model.durations import parse_duration

__all__ = ["Choice", "When", "choose", "letters_of"]

_PAGE = 500
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ].+)?")


@dataclass(frozen=True, slots=True)
class Choice:
    """All that all of this is true of.

    :param ids: None: whatever their ids.
    :param before: buried before then, in seconds since 1970; None: whenever.
    """

    ids: tuple[str, ...] | None
    tenant: str | None = None
    before: float | None = None

    def __str__(self) -> str:
        of_whom = f" of tenant {self.tenant}" if self.tenant is not None else ""
        if self.before is None:
            return of_whom
        return f"{of_whom} from before {datetime.fromtimestamp(self.before).astimezone():%Y-%m-%d %H:%M}"


class When(click.ParamType):  # type: ignore[type-arg]  # generic only since click 8.4
    """A time in the past: an age, such as 30d, or a date, such as 2026-01-31."""

    name = "AGE|DATE"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Seconds since 1970."""
        if isinstance(value, float):
            return value
        text = str(value)
        try:
            if _DATE.fullmatch(text):
                return datetime.fromisoformat(text).astimezone().timestamp()
            before = time.time() - parse_duration(text)
        except ValueError as error:
            why = error if "unit" in str(error) else "write an age, such as 30d or 12h, or a date, such as 2026-01-31"
            self.fail(f"{text!r}: {why}", param, ctx)
        return before


def choose(
    ids: tuple[str, ...], *, everything: bool = False, tenant: str | None = None, before: float | None = None
) -> Choice:
    """:raises UsageError: it says nothing, or ids and something else."""
    narrowed = everything or tenant is not None or before is not None
    if ids and narrowed:
        raise click.UsageError("name dead letters by their ids, or say which ones; not both")
    if not ids and not narrowed:
        raise click.UsageError("name the dead letters by their ids, or say --all")
    return Choice(tuple(dict.fromkeys(ids)) or None, tenant, before)


async def letters_of(queue: Queue, choice: Choice) -> AsyncGenerator[list[str], None]:
    """Their ids, some at a time; what is done to them meanwhile does no harm. Named ones need not be there."""
    if choice.ids is not None:
        for start in range(0, len(choice.ids), _PAGE):
            yield list(choice.ids[start : start + _PAGE])
        return
    after = ""
    while letters := await queue.dead(tenant=choice.tenant, limit=_PAGE, after=after):
        after = letters[-1].id
        if chosen := [letter.id for letter in letters if _is_old_enough(letter, choice)]:
            yield chosen


def _is_old_enough(letter: DeadLetter, choice: Choice) -> bool:
    return choice.before is None or letter.buried_at < choice.before
