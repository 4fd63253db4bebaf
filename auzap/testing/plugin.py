"""pytest's plugin. It is loaded in every project of the environment, so what it needs is imported when it is used."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from auzap.testing import Bot, Server, Setup


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "bot(*plugins, **options): what the `bot` of this test is made of.")


@pytest.hookimpl(tryfirst=True)
def pytest_pycollect_makeitem(collector: Any, name: str, obj: object) -> None:
    """A test that takes a bot and is written with ``async def`` needs no mark: AnyIO runs it."""
    if inspect.iscoroutinefunction(obj) and "bot" in inspect.signature(obj).parameters:
        pytest.mark.usefixtures("anyio_backend")(obj)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    if not file_path.name.endswith((".conversation.yaml", ".conversa.yaml")):
        return None
    from auzap.testing.conversations.items import ConversationFile

    return ConversationFile.from_parent(parent, path=file_path)


@pytest.fixture
def bot_setup(request: pytest.FixtureRequest) -> Setup:
    """What ``bot`` is made of: the closest ``@bot_of(MyPlugin, option=…)``, else all plugins of the
    distribution under test. Override it to say more: ``return Setup(plugins=[MyPlugin], timezone="…")``.
    """
    from auzap.testing.found import setup_of

    return setup_of(request.node, request.config.rootpath)


@pytest.fixture
async def bot(bot_setup: Setup, tmp_path: Path, anyio_backend: Any) -> AsyncIterator[Bot]:
    """A bot that runs the real pipeline with your plugin: ``assert await bot.says("oi") == ["Olá!"]``."""
    from auzap.testing.bot import open_bot

    if anyio_backend != "asyncio" and anyio_backend[0] != "asyncio":
        pytest.skip("a bot runs on asyncio")
    async with open_bot(bot_setup, folder=tmp_path) as opened:
        yield opened


@pytest.fixture
def bot_web() -> Iterator[Server]:
    """A real HTTP server on the loopback interface: give a plugin's option ``bot_web.url``."""
    from auzap.testing.server import serving

    with serving() as server:
        yield server
