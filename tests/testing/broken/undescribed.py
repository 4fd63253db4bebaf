"""Does not say what its options are, and would print a secret."""

from __future__ import annotations

from typing import Any

from pydantic import Field

import auzap
from auzap import Message, Reply


class Undescribed(auzap.Plugin):
    class Options(auzap.Options):
        greeting: str = "olá"
        token: str = Field(default="", description="Of the shop's API.")
        anything: Any = Field(default=None, description="Whatever it is.")
        most: int = Field(default=0, ge=1, description="How many at the most.")

    options: Options

    @auzap.hookimpl
    async def handle_message(self, message: Message) -> Reply | None:
        return Reply(self.options.greeting)
