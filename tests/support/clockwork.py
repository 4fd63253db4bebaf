"""A plugin that notes when its methods ran, and the part of a worker that runs them.

Run as a program, it is that part alone, until it is killed: ``python clockwork.py config.yaml GRACE``; or a whole
worker that ends when its event loop was blocked for some seconds: ``python clockwork.py config.yaml SECONDS whole``.
"""

from __future__ import annotations

import sys
import textwrap
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import anyio

from auzap.config import load
from auzap.config.models import Config
from auzap.hooks import Calls
from auzap.logs import configure
from auzap.pipeline.patience import Patience
from auzap.registry import Registry
from auzap.services.clock import utc_now
from auzap.storage import open_store
from auzap.storage.store import Store
from auzap.tenants.tenants import Tenants
from auzap.worker.resources import prepare_database
from auzap.worker.schedules import Schedules
from auzap.worker.serve import serve
from tests.support.house import House

__all__ = ["Clockwork", "Part", "clockwork"]

_PLUGIN = """
    import asyncio
    import time
    from pathlib import Path

    import auzap


    class Clockwork(auzap.Plugin):
        class Options(auzap.Options):
            book: Path
            seconds: float = 0.0
            error: str = ""
            say: str = ""
            block: float = 0.0

        async def run(self, method):
            line = f"{self.tenant.id} {method} {self.clock.now():%Y-%m-%dT%H:%M%z}"
            with self.options.book.open("a") as book:
                book.write(f"begin {line}\\n")
            if self.options.block:
                time.sleep(self.options.block)
            if self.options.say:
                await self.outbox.send(self.options.say, phone="11 90000-0010", instance_id="main", key=method)
            await asyncio.sleep(self.options.seconds)
            if self.options.error:
                raise ValueError(self.options.error)
            with self.options.book.open("a") as book:
                book.write(f"end {line}\\n")
"""


@dataclass(frozen=True, slots=True)
class Part:
    """What a worker has for it."""

    schedules: Schedules
    tenants: Tenants
    store: Store


class Clockwork:
    """Where one test lives.

    :param methods: of the plugin, with what stands above each: ``{"hourly": 'every("1h")'}``.
    :param options: of the plugin.
    :param more: for the house.
    """

    def __init__(
        self,
        folder: Path,
        methods: Mapping[str, str],
        *,
        options: Mapping[str, Any] | None = None,
        gateway: str = "http://127.0.0.1:9",
        **more: Any,
    ) -> None:
        self.book = folder / "book.txt"
        self.plugins = folder / "plugins"
        self.plugins.mkdir()
        self.write(methods)
        plugins = {"clockwork": self.options(**(options or {})), "trouble": {}}
        self.house = House(folder, gateway, plugins=plugins, **more)

    def write(self, methods: Mapping[str, str], name: str = "clockwork") -> None:
        """Put a plugin of that name into the folder."""
        text = textwrap.dedent(_PLUGIN)
        for method, mark in methods.items():
            text += f"\n    @auzap.{mark}\n    async def {method}(self):\n        await self.run({method!r})\n"
        (self.plugins / f"{name}.py").write_text(text)

    def change(self, tenant: str = "shop", **keys: Any) -> Config:
        """Say something else of a tenant; a plugin is given with ``plugins``."""
        self.house.document["tenants"][tenant] |= keys
        self.house.write()
        return self.config

    def options(self, **more: Any) -> dict[str, Any]:
        """Of the plugin."""
        return {"book": str(self.book), **more}

    @property
    def config(self) -> Config:
        return self.house.config

    def ran(self, what: str = "end") -> list[str]:
        """Tenant, method and time of each run, in order."""
        lines = self.book.read_text().splitlines() if self.book.exists() else []
        return [line.removeprefix(f"{what} ") for line in lines if line.startswith(f"{what} ")]

    def rows(self) -> list[dict[str, Any]]:
        return self.house.rows("SELECT * FROM auzap_schedules ORDER BY organization_id, plugin, method")

    @asynccontextmanager
    async def part(self, *, tell: Callable[[], datetime] = utc_now, **more: Any) -> AsyncIterator[Part]:
        async with clockwork(self.config, self.plugins, tell=tell, **more) as part:
            yield part


@asynccontextmanager
async def clockwork(
    config: Config, plugins: Path, *, tell: Callable[[], datetime] = utc_now, **more: Any
) -> AsyncIterator[Part]:
    registry = Registry(plugins)
    prepare_database(config, registry)
    async with (
        open_store(config.database.dsn, config.base) as store,
        Tenants(config, registry=registry, store=store, calls=Calls(), tell=tell) as tenants,
    ):
        schedules = Schedules(tenants, registry=registry, store=store, patience=Patience(), tell=tell, **more)
        yield Part(schedules, tenants, store)


async def _work(path: Path, grace: float) -> None:
    async with clockwork(load(path), path.parent / "plugins", grace=grace) as part:
        await part.schedules.run()


async def _work_whole(path: Path, seconds: float) -> None:
    await serve(load(path), registry=Registry(path.parent / "plugins"), end_when_blocked=seconds)


if __name__ == "__main__":
    configure(json=True)
    anyio.run(_work_whole if "whole" in sys.argv else _work, Path(sys.argv[1]), float(sys.argv[2]))
