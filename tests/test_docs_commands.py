"""Whatever the docs tell people to type works."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.support.commands import Auzap, logging_as_before
from tests.support.gateway import GatewayProcess
from tests.support.house import House, job, message
from tests.support.markdown import Page
from tests.support.pages import DOCS, PAGES, README, block_with
from tests.support.shell import Shell

#: they are tried whole, in tests of their own: test_docs_plugins.py, test_docs_cut_over.py
ELSEWHERE = {"docs/first-plugin.md", "docs/tutorial.md", "docs/testing.md", "docs/cut-over.md"}
TYPED = [page for page in PAGES if page.commands and page.name not in ELSEWHERE]


@pytest.fixture
def auzap(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Auzap]:
    with logging_as_before():
        yield Auzap(capsys, tmp_path / "config.yaml")


@pytest.fixture(scope="module")
def gateway() -> Iterator[GatewayProcess]:
    with GatewayProcess() as running:
        yield running


@pytest.mark.parametrize("page", TYPED, ids=lambda page: page.name)
def test_what_is_to_be_typed_works(
    page: Page, auzap: Auzap, gateway: GatewayProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of a page, in one folder, in order, with the configuration of the first page."""
    text = block_with(README, "channel: baileys").replace("http://127.0.0.1:3000", gateway.url)
    auzap.path.write_text(text, encoding="utf-8")
    spool = tmp_path / "spool"
    spool.mkdir()
    (spool / "1.jsonl").write_text(json.dumps(job(message("Oi!"), tenant="petshop")) + "\n")
    monkeypatch.chdir(tmp_path)
    assert auzap.bare("db", "upgrade").code == auzap.bare("queue", "stats").code == 0
    if "auzap trace 3EB0C0FFEE" in page.commands:
        auzap_job = json.dumps(job(message("Oi!", id="3EB0C0FFEE", phone="5511900000012"), tenant="petshop"))
        (tmp_path / "traced.jsonl").write_text(auzap_job)
        assert auzap.bare("enqueue", "traced.jsonl").code == auzap.bare("run", "--drain").code == 0
    shell = Shell(auzap, tmp_path, tmp_path / "bin")
    for command in page.commands:
        printed = shell.type(command)
        if "auzap enqueue" in command:
            assert json.loads(printed) | {"duplicates": 0} == {"accepted": 1, "duplicates": 0, "refused": 0}


def test_a_backup_in_the_order_that_is_written_answers_nothing_twice(
    tmp_path: Path, auzap: Auzap, gateway: GatewayProcess
) -> None:
    files: dict[str, Any] = {"queue": "sqlite:///data/queue.db", "database": "sqlite:///data/auzap.db"}
    house = House(tmp_path, gateway.url, plugins={"client_ai": {}}, **files)
    gateway.clear()
    anyio.run(house.put, job(message("antes")))
    assert auzap("run", "--drain").code == 0
    anyio.run(house.put, job(message("enquanto")), job(message("depois", phone="5511900000011")))
    shell = Shell(auzap, tmp_path, tmp_path / "bin")
    commands = [one for one in DOCS["operating"].commands if one.startswith("mkdir") or "VACUUM" in one]
    assert len(commands) == 3
    for command in commands:
        shell.type(command)
        if "VACUUM" in command:
            assert auzap("run", "--drain").code == 0  # between the two copies, and after them
    assert gateway.accepted() == 3

    shutil.rmtree(tmp_path / "data")
    (tmp_path / "backup").rename(tmp_path / "data")
    assert auzap("queue", "stats").json["waiting"] == 2
    assert auzap("run", "--drain").code == 0
    assert gateway.accepted() == 3
    assert auzap("queue", "stats").json == {"waiting": 0, "delayed": 0, "leased": 0, "dead": 0}
