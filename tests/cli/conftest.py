"""Shared by the tests of the command line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.commands import Auzap, logging_as_before
from tests.support.gateway import GatewayProcess, Mode
from tests.support.house import House


@pytest.fixture(scope="session")
def shared_gateway() -> Iterator[GatewayProcess]:
    with GatewayProcess() as running:
        yield running


@pytest.fixture
def gateway(shared_gateway: GatewayProcess) -> GatewayProcess:
    shared_gateway.set(Mode())
    shared_gateway.clear()
    return shared_gateway


@pytest.fixture
def house(tmp_path: Path, gateway: GatewayProcess) -> House:
    return House(tmp_path, gateway.url)


@pytest.fixture
def auzap(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Auzap]:
    """With ``config.yaml`` of the test's folder, where ``house`` has its own."""
    with logging_as_before():
        yield Auzap(capsys, tmp_path / "config.yaml")
