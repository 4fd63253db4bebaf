"""Answers what stands in a sheet that the shop keeps: two columns, the question's words and the answer, as CSV.

The sheet is fetched when the plugin starts and again from time to time. Other plugins may add entries of their own.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import anyio
import httpx
from pydantic import Field

import auzap
from auzap import Duration, Message, Reply

__all__ = ["FaqHooks", "FaqSheet"]


class FaqHooks:
    """What this plugin asks others."""

    @auzap.hookspec
    async def faq_entries(self) -> Mapping[str, str] | None:
        """More entries: the words of a question, and its answer."""


class FaqSheet(auzap.Plugin):
    class Options(auzap.Options):
        url: str = Field(description="The sheet as CSV. Google: File, Share, Publish to the web, CSV.")
        refresh: Duration = Field(default=600.0, gt=0, description="How often the sheet is fetched again.")

    options: Options

    hookspecs = FaqHooks
    #: each question's words -> its answer
    entries: Mapping[frozenset[str], str] = {}

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        await self._fetch()  # before the first message
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._keep_fresh)
            yield
            tasks.cancel_scope.cancel()

    async def _keep_fresh(self) -> None:
        while True:
            await anyio.sleep(self.options.refresh)
            await self._fetch()

    async def _fetch(self) -> None:
        """What was fetched before stays when the sheet is away."""
        try:
            response = (await self.http.get(self.options.url)).raise_for_status()
        except httpx.HTTPError as error:
            self.log.warning("Sheet not fetched", error=str(error))
            return
        rows = csv.reader(response.text.splitlines())
        self.entries = {_words(row[0]): row[1].strip() for row in rows if len(row) > 1 and _words(row[0])}

    @auzap.hookimpl
    async def handle_message(self, message: Message) -> Reply | None:
        asked, found = _words(message.text), dict(self.entries)
        for more in await self.hooks.all("faq_entries"):
            found |= {_words(question): answer for question, answer in more.items()}
        fitting = [question for question in found if question <= asked]
        return Reply(found[max(fitting, key=len)]) if fitting else None


def _words(text: str) -> frozenset[str]:
    """Without accents and capitals, in any order."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return frozenset(re.findall(r"\w+", re.sub(r"[\u0300-\u036f]", "", plain)))
