"""Paused instances: who waits how long."""

from __future__ import annotations

import time

from auzap.pipeline.instances import Instances

SHOP = ("shop", "main")


async def _wake(tenant: str, instance: str) -> None:
    woken.append((tenant, instance))


woken: list[tuple[str, str]] = []


async def test_while_a_probe_is_under_way_the_others_wait_a_second_at_a_time() -> None:
    instances = Instances(_wake)
    assert instances.closed_until(*SHOP) is None
    for _ in range(6):
        instances.probe(*SHOP)
        instances.failed(*SHOP, "refused")
    until = instances.closed_until(*SHOP)
    assert until is not None
    assert until > time.time() + 10, "the sixth probe is far away"

    instances.probe(*SHOP)
    until = instances.closed_until(*SHOP)
    assert until is not None
    assert until <= time.time() + 1

    await instances.reached(*SHOP)
    assert instances.closed_until(*SHOP) is None
    assert woken == [SHOP]
