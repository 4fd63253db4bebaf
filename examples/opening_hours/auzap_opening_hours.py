"""Outside opening hours: tells each customer once when somebody answers again, then keeps silent."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Literal

from pydantic import Field

import auzap
from auzap import Message, Reply, State

__all__ = ["OpeningHours"]

Day = Literal["seg", "ter", "qua", "qui", "sex", "sáb", "dom"]
DAYS: tuple[Day, ...] = ("seg", "ter", "qua", "qui", "sex", "sáb", "dom")


class OpeningHours(auzap.Plugin):
    class Options(auzap.Options):
        roles: tuple[str, ...] | None = ("client",)
        days: tuple[Day, ...] = Field(default=DAYS[:6], min_length=1, description="The days on which it is open.")
        opens: time = Field(default=time(8), description="When it opens.")
        closes: time = Field(default=time(18), description="When it closes, on the same day.")
        holidays: tuple[date, ...] = Field(default=(), description="Days on which it is closed, such as 2026-12-25.")
        reply: str = Field(
            default="Agora estamos fechados. 🌙 {opening} a gente te responde!",
            description="What customers are told; {opening} becomes the day and time when it opens.",
        )

    options: Options

    @auzap.hookimpl
    async def handle_message(self, message: Message, state: State) -> Reply | Sequence[Reply] | None:
        now = self.clock.now()
        if self._is_open(now):
            return None  # the next plugin is asked
        if await state.get("told"):
            return []  # silence: once a night is enough
        opening = self._opening_after(now)
        state.set("told", True, expires=opening - now)
        return Reply(self.options.reply.replace("{opening}", _spoken(opening, now)))

    @auzap.hookimpl(optionalhook=True)
    async def faq_entries(self) -> dict[str, str]:
        """A hook of the plugin `faq_sheet`. Where that is not installed, nobody asks."""
        options = self.options
        return {
            "que horas abre": f"Abrimos {', '.join(options.days)}, das {options.opens:%H:%M} às {options.closes:%H:%M}."
        }

    def _is_open(self, now: datetime) -> bool:
        return self._opens_on(now.date()) and self.options.opens <= now.time() < self.options.closes

    def _opens_on(self, day: date) -> bool:
        return DAYS[day.weekday()] in self.options.days and day not in self.options.holidays

    def _opening_after(self, now: datetime) -> datetime:
        day = now.date() if now.time() < self.options.opens else now.date() + timedelta(days=1)
        while not self._opens_on(day):
            day += timedelta(days=1)
        return datetime.combine(day, self.options.opens, now.tzinfo)


def _spoken(opening: datetime, now: datetime) -> str:
    days = (opening.date() - now.date()).days
    when = {0: "Hoje", 1: "Amanhã"}.get(days, f"Dia {opening:%d/%m}")
    return f"{when}, às {opening:%H:%M},"
