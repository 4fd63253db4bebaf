"""Each example is a distribution that can be installed, and its own tests pass."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from auzap.config import parse
from auzap.registry import Registry
from auzap.tenants.survey import survey
from auzap.worker.resources import open_queue
from tests.support.commands import logging_as_before
from tests.support.distributions import importable, install
from tests.support.house import ROOT, House
from tests.support.pages import DOCS, whole

EXAMPLES = ROOT / "examples"
FOLDERS = sorted(path.parent for path in EXAMPLES.glob("*/pyproject.toml"))
PATH = [*map(str, FOLDERS), str(EXAMPLES / "telegram" / "tests"), str(ROOT)]


def project_of(folder: Path) -> dict[str, Any]:
    project: dict[str, Any] = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return project


def pytest_in_examples(*arguments: str) -> subprocess.CompletedProcess[str]:
    """In a process of its own: their tables stay out of other tests' databases."""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(PATH)}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)


def test_the_examples_own_tests_pass(tmp_path: Path) -> None:
    done = pytest_in_examples(f"--basetemp={tmp_path / 'inside'}", "examples")
    assert done.returncode == 0, done.stdout
    assert {path.parent for path in EXAMPLES.glob("*/tests")} == set(FOLDERS)


@pytest.mark.soak
@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_an_examples_plugin_keeps_the_contract(folder: Path, site: Path) -> None:
    offered = project_of(folder)["entry-points"].get("auzap.plugins", {})
    options = {"url": "http://127.0.0.1:9", "token": "x", "to": "+55 11 90000-0001"}
    for value in offered.values():
        module, _, name = value.partition(":")
        script = (
            f"import json, sys; from {module} import {name} as plugin; from auzap.testing import contract_of; "
            "known = {k: v for k, v in json.loads(sys.argv[1]).items() if k in plugin.Options.model_fields}; "
            "print(*contract_of(plugin, **known), sep='\\n')"
        )
        env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(site), *PATH])}
        done = subprocess.run(
            [sys.executable, "-c", script, json.dumps(options)], env=env, capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr


# ------------------------------------------------------------------ installed


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Path]:
    """All of them installed, as pip does it with ``-e``."""
    folder = tmp_path / "site"
    folder.mkdir()
    for example in FOLDERS:
        project = project_of(example)
        install(folder, project["name"], project["version"], offers=project["entry-points"], modules={})
    before = list(sys.path)
    sys.path[:0] = PATH
    try:
        with importable(folder):
            yield folder
    finally:
        sys.path[:] = before
        for name in [name for name in sys.modules if name.startswith("auzap_") and _is_an_examples(name)]:
            del sys.modules[name]


def _is_an_examples(name: str) -> bool:
    return str(getattr(sys.modules[name], "__file__", "")).startswith(str(EXAMPLES))


def test_the_cookbooks_configurations_are_right(tmp_path: Path, site: Path) -> None:
    """Every option that is shown is one, and every example is in the cookbook."""
    blocks = [block for block in DOCS["cookbook"].blocks if block.language == "yaml"]
    shown: set[str] = set()
    for block in blocks:
        config = parse(whole(block.text), tmp_path / "config.yaml", {})
        assert survey(config, Registry()) == {}, str(block)
        backend = type(open_queue(config, Registry()))  # a URL's scheme names it: it says itself whose it is
        shown.add(backend.__module__.removeprefix("auzap_"))
        for tenant in config.tenants.values():
            shown |= {entry.use for entry in tenant.plugins.values()}
            for one in tenant.instances.values():
                shown |= {one.channel, one.normalizer.use if one.normalizer is not None else ""}
    assert {folder.name for folder in FOLDERS} <= shown


def test_a_message_of_telegram_is_answered_there(tmp_path: Path, site: Path) -> None:
    telegram = importlib.import_module("bot_api")
    with telegram.serving() as api, logging_as_before():
        instance = {"channel": "telegram", "url": api.url, "token": telegram.TOKEN, "poll": "0s"}
        house = House(tmp_path, "http://127.0.0.1:9", plugins={"language": {}}, tenant={"instances": {"bot": instance}})
        api.updates = [telegram.update(5, "Hi, do you have time for my dog?"), telegram.update(6, "Oi!", chat=778)]

        done = "SELECT 1 FROM auzap_inbox WHERE state = 'done' AND reason = 'nobody_answered'"

        anyio.run(house.serve_until, lambda: bool(api.sent) and house.has(done))
    [sent] = api.sent
    assert (sent["chat_id"], "in Brazil" in sent["text"]) == ("777", True)
    assert house.one("SELECT provider_id FROM auzap_outbox") == "101"
