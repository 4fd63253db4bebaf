"""One gateway process for all of these tests, as new for each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.gateway import GatewayProcess, Mode
from tests.support.servers import Standing, standing_on


@pytest.fixture(scope="session")
def one_gateway() -> Iterator[GatewayProcess]:
    with GatewayProcess() as running:
        yield running


@pytest.fixture
def gateway(one_gateway: GatewayProcess) -> GatewayProcess:
    one_gateway.set(Mode())
    one_gateway.clear()
    return one_gateway


@pytest.fixture
def standing(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Standing]:
    """For ``House``; see ``EVERYWHERE`` and ``ON_FILES``."""
    with standing_on(request.param, tmp_path, request) as given:
        yield given
