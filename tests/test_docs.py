"""What README and docs say is so: links lead somewhere, blocks are what they seem, tables name what there is."""

from __future__ import annotations

import configparser
import importlib.metadata
import inspect
import json
import re
import shlex
import textwrap
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, get_args

import anyio
import pytest

from auzap.cli.group import COMMANDS
from auzap.config import parse
from auzap.contract import hookspecs
from auzap.contract.options import Options
from auzap.hooks.check import EXPECTED
from auzap.model.event import EventKind
from auzap.testing.conversations import read
from auzap.worker.watchdog import EXIT_BLOCKED
from tests.support.commands import Auzap, logging_as_before
from tests.support.house import ROOT, House, job, message
from tests.support.markdown import Block, Page, code_in
from tests.support.pages import ASSISTANTS, DOCS, OTHERS, PAGES, README, block_with, whole

BLOCKS = [block for page in PAGES for block in page.blocks]
SOURCES = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "auzap").rglob("*.py"))


def of_language(language: str) -> list[Block]:
    return [block for block in BLOCKS if block.language == language]


@pytest.fixture
def auzap(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Auzap]:
    with logging_as_before():
        yield Auzap(capsys, tmp_path / "config.yaml")


# ------------------------------------------------------------------ pages


def test_every_block_is_of_a_kind_that_is_checked() -> None:
    assert {block.language for block in BLOCKS} == {"console", "ini", "json", "python", "toml", "yaml"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_fence_begins_a_line(page: Page) -> None:
    """Others would not be found, and so not be checked."""
    assert page.text.count("```") == 2 * len(page.blocks)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Page) -> None:
    for link in page.links:
        target, _, anchor = link.partition("#")
        if target.startswith("https:"):
            continue
        path = (page.path.parent / target).resolve() if target else page.path
        assert path.exists(), link
        assert not anchor or anchor in Page(path, ROOT).anchors, link


def test_every_page_is_linked_from_the_first_one() -> None:
    first = {(README.path.parent / link.partition("#")[0]).resolve() for link in README.links}
    for page in [*DOCS.values(), *OTHERS.values()]:
        assert page.path in first, page.name


def test_no_page_has_a_phone_number_of_somebodys() -> None:
    numbers = [found for page in PAGES for found in re.findall(r"\b55 ?11 ?[0-9 -]{8,11}\b", page.text)]
    assert len(numbers) > 10
    assert [one for one in numbers if not re.fullmatch(r"5511900000[0-9]{3}", re.sub(r"\D", "", one))] == []


# ------------------------------------------------------------------ blocks


def is_conversation(block: Block) -> bool:
    return "conversa:" in block.text


@pytest.mark.parametrize("block", [one for one in of_language("yaml") if not is_conversation(one)], ids=str)
def test_yaml_is_what_the_configuration_takes(block: Block, tmp_path: Path) -> None:
    parse(whole(block.text), tmp_path / "config.yaml", {})


@pytest.mark.parametrize("block", [one for one in of_language("yaml") if is_conversation(one)], ids=str)
def test_yaml_of_a_conversation_is_one(block: Block, tmp_path: Path) -> None:
    file = tmp_path / "one.conversa.yaml"
    file.write_text(block.text, encoding="utf-8")
    assert read(file)


@pytest.mark.parametrize("page", [README, OTHERS["README.pt-BR"], DOCS["getting-started"]], ids=lambda page: page.name)
def test_the_configurations_for_newcomers_are_fine(page: Page, auzap: Auzap) -> None:
    blocks = [block for block in page.blocks if block.language == "yaml"]
    assert blocks
    for block in blocks:
        auzap.path.write_text(block.text, encoding="utf-8")
        assert auzap("check").code == 0


@pytest.mark.parametrize("block", of_language("python"), ids=str)
def test_python_compiles(block: Block) -> None:
    """Methods that are to be put into a class, too."""
    compile(textwrap.dedent(block.text), str(block), "exec")


@pytest.mark.parametrize("block", of_language("json"), ids=str)
def test_json_is_json(block: Block) -> None:
    json.loads(block.text)


# ------------------------------------------------------------------ commands


def commands_named(page: Page) -> list[str]:
    """`dead list`, `show`: the second is of the same group as the first."""
    found: list[str] = []
    for row in page.table("command"):
        first, *more = code_in(row[0])
        words = [word for word in first.split() if word.islower()][1:]
        found += [" ".join(words), *(" ".join([*words[:-1], name]) for name in more)]
    return found


def test_the_table_of_commands_names_all_that_there_are(auzap: Auzap) -> None:
    there_are = []
    for name in COMMANDS:
        section = auzap.bare(name, "--help").out.partition("Commands:\n")[2]
        there_are += [f"{name} {line.split()[0]}" for line in section.splitlines()] or [name]
    assert sorted(commands_named(README)) == sorted(there_are)


# ------------------------------------------------------------------ the gateway's contract


def test_the_gateways_contract_is_what_is_posted(tmp_path: Path, auzap: Auzap) -> None:
    posted: list[dict[str, Any]] = []
    page = DOCS["gateway"]
    promised = json.loads(block_with(page, "idempotencyKey"))
    answer = next(text for text in code_in(page.prose) if '"success": true' in text)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            posted.append({"path": self.path, "authorization": self.headers["Authorization"], **body})
            self.send_response(200)
            self.end_headers()
            self.wfile.write(answer.encode())

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            house = House(tmp_path, f"http://127.0.0.1:{server.server_port}", instance={"token": "secret"})
            anyio.run(house.put, job(message("oi")))
            assert auzap("run", "--drain").code == 0
        finally:
            server.shutdown()
            thread.join()
    [body] = posted
    assert (body.pop("path"), body.pop("authorization")) == ("/send", "Bearer secret")
    assert list(body) == list(promised)
    assert body["to"] == promised["to"]
    assert house.one("SELECT state FROM auzap_outbox") == "sent"


# ------------------------------------------------------------------ plugins

PLUGIN_PAGE = DOCS["plugins"]


def test_the_table_of_hooks_is_that_of_the_specifications() -> None:
    rows = {code_in(name)[0]: cells for name, *cells in PLUGIN_PAGE.table("hook")}
    specs = {name: spec for name in EXPECTED if hasattr(spec := getattr(hookspecs, name), f"{hookspecs.PROJECT}_spec")}
    assert list(rows) == list(specs)
    for name, (arguments, result, asked, what) in rows.items():
        assert code_in(arguments) == list(inspect.signature(specs[name]).parameters), name
        assert result == EXPECTED[name].words, name
        options = getattr(specs[name], f"{hookspecs.PROJECT}_spec")
        assert asked == ("first" if options["firstresult"] else "every"), name
        assert what.endswith(".")


def test_the_tables_of_options_and_events_are_complete() -> None:
    assert [code_in(row[0])[0] for row in PLUGIN_PAGE.table("option")] == list(Options.model_fields)
    assert [code_in(row[0])[0] for row in PLUGIN_PAGE.table("`event.kind`")] == list(get_args(EventKind))


@pytest.mark.parametrize("page", ASSISTANTS, ids=lambda page: page.name)
def test_an_assistants_table_of_options_is_complete(page: Page) -> None:
    name = page.path.parent.name
    [entry] = importlib.metadata.entry_points(group="auzap.plugins", name=name)
    named = {code_in(row[0])[0] for row in page.table("option")}
    assert named == set(entry.load().Options.model_fields)


# ------------------------------------------------------------------ operating

OPERATING = DOCS["operating"]


def test_every_event_of_the_log_that_is_named_is_logged() -> None:
    cells = [cell for row in OPERATING.table("event") for cell in row]
    events = [text for cell in cells for text in code_in(cell) if text[0].isupper()]
    assert len(events) > 10
    assert [event for event in events if f'"{event}"' not in SOURCES] == []


@pytest.mark.parametrize("page", [OPERATING, DOCS["commands"]], ids=lambda page: page.name)
def test_the_exit_codes_are_those_of_the_commands(page: Page) -> None:
    assert [row[0] for row in page.table("exit code")] == ["0", "1", "2", str(EXIT_BLOCKED)]


def test_the_defaults_of_retention_are_those_that_are_written(tmp_path: Path) -> None:
    written = parse(whole(block_with(OPERATING, "retention:")), tmp_path / "config.yaml", {})
    assert written.retention == parse(whole("worker: {}\n"), tmp_path / "config.yaml", {}).retention


def test_the_unit_starts_auzap_and_leaves_it_time_to_end(
    tmp_path: Path, auzap: Auzap, monkeypatch: pytest.MonkeyPatch
) -> None:
    unit = configparser.ConfigParser(interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read_string(block_with(OPERATING, "[Service]"))
    service = unit["Service"]
    program, *arguments = shlex.split(service["ExecStart"])
    assert program == f"{service['WorkingDirectory']}/.venv/bin/auzap"
    assert arguments == ["run", "--config", f"{service['WorkingDirectory']}/config.yaml"]
    auzap.path.write_text(block_with(README, "channel: baileys"), encoding="utf-8")
    config = parse(auzap.path.read_text(encoding="utf-8"), auzap.path, {})
    assert int(service["TimeoutStopSec"]) >= config.worker.drain + 10
    monkeypatch.chdir(tmp_path)
    assert auzap.bare(arguments[0], "--drain", "--config", "config.yaml").code == 0


# ------------------------------------------------------------------ contributing


def test_the_gates_are_those_of_make_test() -> None:
    page = OTHERS["CONTRIBUTING"]
    recipe = (ROOT / "Makefile").read_text().partition("\ntest: ")[2].partition("\n\n")[0]
    tools = re.findall(r"^\t\$\(bin\)/([\w-]+)((?: (?:check|format --check))?)", recipe, re.MULTILINE)
    gates = [text for row in page.table("gate") for text in code_in(row[0])]
    assert gates == [f"{tool}{rest}" for tool, rest in tools]
    limit = re.search(r"--cov-fail-under=(\d+)", recipe)
    assert limit is not None
    assert f"{limit[1]} %" in page.text
