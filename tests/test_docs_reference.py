"""The reference pages are what the code says today."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import click
import pytest
import yaml

from auzap.config import parse
from auzap.config.load import _KEYS as TOP_KEYS
from auzap.config.tenants import _KEYS as TENANT_KEYS
from auzap.registry import Registry
from auzap.tenants.survey import survey
from scripts.docs.__main__ import DOCS, PAGES
from scripts.docs.commands import command_pages
from scripts.docs.configuration import sections
from scripts.docs.examples import COMMANDS, JSON
from scripts.docs.fields import Key
from tests.support.commands import Auzap, logging_as_before
from tests.support.house import House, job, message
from tests.support.markdown import Page
from tests.support.shell import Shell

SECTIONS = sections()
KEYS = [(section, key) for section, keys in SECTIONS.items() for key in keys]


@pytest.fixture
def auzap(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Auzap]:
    with logging_as_before():
        yield Auzap(capsys, tmp_path / "config.yaml")


@pytest.mark.parametrize("name", PAGES)
def test_a_page_has_not_drifted(name: str) -> None:
    written = (DOCS / name).read_text(encoding="utf-8")
    assert written == PAGES[name](), "python -m scripts.docs writes it anew"


# ------------------------------------------------------------------ configuration


@pytest.mark.parametrize(("section", "keys"), [("The file", TOP_KEYS), ("A tenant", TENANT_KEYS)])
def test_every_key_that_is_taken_is_told(section: str, keys: set[str]) -> None:
    assert {key.path.partition(".")[0] for key in SECTIONS[section]} == keys


@pytest.mark.parametrize(("section", "key"), KEYS, ids=lambda one: one.path if isinstance(one, Key) else one)
def test_an_example_is_taken(section: str, key: Key, tmp_path: Path) -> None:
    """So is a default that can be written."""
    for text in filter(None, (key.example, key.default)):
        if key.default is None or text != "null":
            config = parse(
                yaml.safe_dump(_around(section, key.path, text), allow_unicode=True), tmp_path / "config.yaml", {}
            )
            assert survey(config, Registry()) == {}, text


def _around(section: str, path: str, text: str) -> dict[str, Any]:
    """A configuration in which only this is said."""
    value = yaml.safe_load(f"value: {text}" if text[0] in '"[{' else f"value: {json.dumps(text, ensure_ascii=False)}")[
        "value"
    ]
    if text in ("true", "false"):
        value = text == "true"
    elif text.isdigit():
        value = int(text)
    for name in reversed(path.split(".")):
        value = {name: value}
    kind, _, name = section.partition(" ")
    top: dict[str, Any] = {"queue": "sqlite:///queue.db", "database": "sqlite:///auzap.db"}
    tenant: dict[str, Any] = {}
    if section == "The file":
        top |= value
    elif section == "A tenant":
        tenant = value
    elif kind == "Channel":
        needed = {"url": "http://127.0.0.1:3000"} if name == "baileys" else {}
        tenant["instances"] = {"main": {"channel": name, **needed, **value}}
    else:
        tenant["plugins"] = {name: value}
    if isinstance(top.get("database"), dict):
        top["database"] = {"url": "postgresql://auzap@127.0.0.1/auzap", **top["database"]}
    return {"tenants": {"abc123": tenant}, **top} if top.get("tenants") is None else top


# ------------------------------------------------------------------ commands


PAGE = Page(DOCS / "commands.md", DOCS)


def section_of(name: str) -> str:
    return PAGE.text.partition(f"\n## {name}\n")[2].partition("\n## ")[0]


def takes_json(command: click.Command) -> bool:
    return any("--json" in option.opts for option in command.params)


def test_every_command_is_told_and_most_are_shown() -> None:
    names = [name for name, _ in command_pages()]
    assert set(JSON) <= set(COMMANDS) <= set(names)
    # there is no letter, no conversation and no process that the page could name
    assert set(names) - set(COMMANDS) == {"dead show", "test", "reload"}
    for name, command in command_pages():
        assert section_of(name)
        if takes_json(command) and name != "run":
            assert re.search(r"^JSON(, [^:]*)?: ", section_of(name), re.MULTILINE), name


#: a log, a schema, and what needs something to look at; these are tried in tests/cli
OTHER_JSON = ("run", "config schema", "test", "reload", "plugins check")


@pytest.mark.parametrize(
    "name", [name for name, command in command_pages() if takes_json(command) and name not in OTHER_JSON]
)
def test_the_json_of_a_command_has_the_keys_that_are_told(
    name: str, auzap: Auzap, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = House(tmp_path, "http://127.0.0.1:9", plugins={"client_ai": {}}, tenants=["petshop"])
    del house.document["tenants"]["petshop"]["instances"]["other"]
    house.write()
    monkeypatch.chdir(tmp_path)
    [envelope] = house.envelopes(job(message("Oi!"), tenant="petshop"))
    anyio.run(house.put_envelopes, [replace(envelope, payload="no message")])
    anyio.run(house.put, job(message("Oi!", id="3EB0C0FFEE", phone="5511900000001"), tenant="petshop"))
    assert auzap("run", "--drain").code == 0
    shell = Shell(auzap, tmp_path, tmp_path / "bin")
    command = COMMANDS.get(name, f"auzap {name} LETTER").replace("--json", "")
    [letter] = json.loads(shell.type("auzap dead list --json"))
    command = command.replace("LETTER", letter["id"])
    told = shell.type(f"{command} --json")
    shown = set(re.findall(r'"(\w+)"', section_of(name) + section_of("dead list" if name == "dead show" else name)))
    for line in [told] if told.startswith("[") or told.count("\n") > 1 else told.splitlines():
        printed = json.loads(line)
        for one in printed if isinstance(printed, list) else [printed]:
            assert set(one) <= shown
