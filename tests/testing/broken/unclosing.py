"""Opens well, and fails when it is closed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import auzap


class Unclosing(auzap.Plugin):
    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        yield
        raise RuntimeError("the file is gone")
