"""One gateway process for all of these tests, as new for each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.gateway import GatewayProcess, Mode


@pytest.fixture(scope="session")
def one_gateway() -> Iterator[GatewayProcess]:
    with GatewayProcess() as running:
        yield running


@pytest.fixture
def gateway(one_gateway: GatewayProcess) -> GatewayProcess:
    one_gateway.set(Mode())
    one_gateway.clear()
    return one_gateway
