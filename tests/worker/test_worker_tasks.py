"""The task of a lane serves the next one too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import pytest

from auzap.worker.loop import Worker
from auzap.worker.serve import serve
from tests.support.gateway import Gateway
from tests.support.house import House, job, message
from tests.support.workers import until


async def test_a_task_that_no_plugin_has_marked_is_used_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that it has marked is not: ``test_two_tenants.py`` in ``pipeline``."""
    made, work_on = [], Worker._work_on

    async def counted(worker: Worker, held: Any) -> None:
        made.append(held)
        await work_on(worker, held)

    monkeypatch.setattr(Worker, "_work_on", counted)
    async with Gateway() as gateway, anyio.create_task_group() as working:
        house = House(tmp_path, gateway.url)
        working.start_soon(serve, house.config)
        for answers in (1, 2, 3):
            await house.put(job(message("oi", phone=f"551190000001{answers}")))
            await until(lambda: len(gateway.accepted) == answers and not house.queued("SELECT 1 FROM lanes"))  # noqa: B023
        working.cancel_scope.cancel()
    assert len(made) == 1
