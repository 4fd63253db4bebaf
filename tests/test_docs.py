"""What README and docs say is so: every block runs, every table names what there is."""

from __future__ import annotations

import importlib.metadata
import inspect
import json
import re
import shlex
import shutil
import sqlite3
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, get_args

import anyio
import pytest
import yaml

from auzap.cli.group import COMMANDS
from auzap.config import parse
from auzap.contract import hookspecs
from auzap.contract.options import Options
from auzap.hooks.check import EXPECTED
from auzap.model.event import EventKind
from auzap.worker.watchdog import EXIT_BLOCKED
from tests.support.commands import Auzap, logging_as_before
from tests.support.distributions import importable, install
from tests.support.gateway import GatewayProcess
from tests.support.house import ROOT, House, environment, job, message
from tests.support.markdown import Block, Page, code_in

README = Page(ROOT / "README.md", ROOT)
DOCS = {path.stem: Page(path, ROOT) for path in sorted((ROOT / "docs").glob("*.md"))}
PLUGINS = [Page(path, ROOT) for path in sorted((ROOT / "plugins").glob("*/README.md"))]
OTHERS = [Page(ROOT / "CONTRIBUTING.md", ROOT), Page(ROOT / "CHANGELOG.md", ROOT)]
PAGES = [README, *DOCS.values(), *PLUGINS, *OTHERS]
BLOCKS = [block for page in PAGES for block in page.blocks]
SOURCES = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "auzap").rglob("*.py"))


def of_language(language: str) -> list[Block]:
    return [block for block in BLOCKS if block.language == language]


def block_with(page: Page, text: str) -> str:
    [found] = [block for block in page.blocks if text in block.text]
    return found.text


@pytest.fixture
def auzap(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Auzap]:
    with logging_as_before():
        yield Auzap(capsys, tmp_path / "config.yaml")


# ------------------------------------------------------------------ pages


def test_every_block_is_of_a_kind_that_is_checked() -> None:
    assert {block.language for block in BLOCKS} == {"console", "json", "mermaid", "python", "toml", "yaml"}


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
    assert {f"docs/{name}.md" for name in DOCS} <= set(README.links)


# ------------------------------------------------------------------ configurations


def whole(text: str) -> str:
    """A configuration around what is only a part of one."""
    given = yaml.safe_load(text)
    if "plugins" in given:
        text = "tenants:\n  abc123:\n" + "".join(f"    {line}\n" for line in text.splitlines())
    top = "".join(f"{key}: sqlite:///{key}.db\n" for key in ("queue", "database") if key not in given)
    return top + text + ("" if "tenants:" in text else "tenants: {abc123: {}}\n")


@pytest.mark.parametrize("block", of_language("yaml"), ids=str)
def test_yaml_is_what_the_configuration_takes(block: Block, tmp_path: Path) -> None:
    parse(whole(block.text), tmp_path / "config.yaml", {})


@pytest.mark.parametrize("block", [block for block in README.blocks if block.language == "yaml"], ids=str)
def test_the_configuration_of_the_first_page_is_fine(block: Block, auzap: Auzap) -> None:
    auzap.path.write_text(block.text, encoding="utf-8")
    assert auzap("check").code == 0


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
    for command in there_are:
        assert auzap.bare(*command.split(), "--help").code == 0


@pytest.mark.parametrize("block", of_language("console"), ids=str)
def test_what_is_to_be_typed_works(
    block: Block, auzap: Auzap, gateway: GatewayProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a folder with the configuration of the first page; make and pip are tried elsewhere."""
    folder = auzap.path.parent
    text = block_with(README, "channel: baileys").replace("http://127.0.0.1:3000", gateway.url)
    auzap.path.write_text(text, encoding="utf-8")
    monkeypatch.chdir(folder)
    assert auzap.bare("db", "upgrade").code == auzap.bare("queue", "stats").code == 0
    for command in block.commands or block.text.splitlines():
        match shlex.split(command):
            case ["auzap", "run"]:
                assert auzap.bare("run", "--drain").code == 0
            case ["auzap", *arguments]:
                assert auzap.bare(*arguments).code == 0, command
            case ["echo", text, "|", "auzap", *arguments]:
                told = piped(text, *arguments, folder=folder)
                assert json.loads(told) == {"accepted": 1, "duplicates": 0, "refused": 0}
            case ["sqlite3", file, statement]:
                run_sql(folder / file, statement)
            case ["mkdir", name]:
                (folder / name).mkdir()
            case ["make", target]:
                assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
            case ["pip", "install", name]:
                assert importlib.metadata.version(name)
            case ["source", _]:
                pass
            case other:
                raise AssertionError(f"nobody tries {other}")


def piped(text: str, *arguments: str, folder: Path) -> str:
    command = [sys.executable, "-m", "auzap", *arguments]
    done = subprocess.run(
        command, input=f"{text}\n", env=environment(), cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout


def run_sql(file: Path, statement: str) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute(statement)


@pytest.fixture(scope="module")
def gateway() -> Iterator[GatewayProcess]:
    with GatewayProcess() as running:
        yield running


# ------------------------------------------------------------------ the gateway's contract


def test_the_gateways_contract_is_what_is_posted(tmp_path: Path, auzap: Auzap) -> None:
    posted: list[dict[str, Any]] = []
    [promised] = [json.loads(block.text) for block in README.blocks if block.language == "json"]
    answer = next(text for text in code_in(README.prose) if '"success": true' in text)

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


def install_from_docs(folder: Path) -> None:
    """Both plugins, named as the pages say."""
    echo = re.search(r'`(\w+) = "(auzap_echo:\w+)"`', README.text)
    agenda = tomllib.loads(block_with(PLUGIN_PAGE, "[project]"))["project"]
    assert echo is not None
    assert '`[project.entry-points."auzap.plugins"]`' in README.text
    offers = {"auzap.plugins": {echo[1]: echo[2]}}
    modules = {
        "auzap_echo.py": block_with(README, "class Echo"),
        "auzap_agenda.py": block_with(PLUGIN_PAGE, "class Agenda"),
    }
    install(folder, "auzap-echo", "0.1.0", offers=offers, modules={"auzap_echo.py": modules["auzap_echo.py"]})
    install(
        folder,
        agenda["name"],
        agenda["version"],
        offers=agenda["entry-points"],
        modules={"auzap_agenda.py": modules["auzap_agenda.py"]},
    )


@pytest.mark.parametrize("block", of_language("python"), ids=str)
def test_python_compiles(block: Block) -> None:
    compile(block.text, str(block), "exec")


def test_the_echo_plugin_answers_and_its_test_passes(tmp_path: Path, auzap: Auzap, gateway: GatewayProcess) -> None:
    install_from_docs(tmp_path)
    written = re.search(r"`(echo: \{.*?\})`", README.text)
    assert written is not None
    house = House(tmp_path, gateway.url, plugins=yaml.safe_load(written[1]))
    anyio.run(house.put, job(message("Oi!")))
    gateway.clear()
    with importable(tmp_path):
        assert auzap("check").code == 0
        assert auzap("run", "--drain").code == 0
        names: dict[str, Any] = {}
        exec(block_with(PLUGIN_PAGE, "from auzap_echo import"), names)
        [name] = [name for name in names if name.startswith("test_")]
        names[name]()
    assert [post.text for post in gateway.log()] == ["eco: Oi!"]


def test_the_agenda_plugin_books_once_as_long_as_there_is_room(
    tmp_path: Path, auzap: Auzap, gateway: GatewayProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In processes of its own: its table stays out of the tests' other databases."""
    (tmp_path / "site").mkdir()
    install_from_docs(tmp_path / "site")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    config = yaml.safe_load(block_with(PLUGIN_PAGE, "channel: console"))
    house = House(tmp_path, gateway.url, plugins=config["tenants"]["petshop"]["plugins"])
    assert house.auzap("check").stdout.startswith("tenant shop: plugins in order: agenda\n")
    gateway.clear()
    anyio.run(house.put, *(job(message("Agendar sábado", phone=f"551190000001{i}")) for i in range(3)))
    anyio.run(house.put, job(message("Oi!")))
    done = house.auzap("run", "--drain")
    assert done.returncode == 0, done.stderr
    texts = sorted(post.text for post in gateway.log())
    assert texts == ["Marcado para sábado! 🐾"] * 2 + ["Não temos mais horário em sábado."]
    assert (
        house.rows("SELECT organization_id, day FROM agenda_bookings")
        == [{"organization_id": "shop", "day": "sábado"}] * 2
    )
    assert house.rows("SELECT reason FROM auzap_inbox WHERE reason IS NOT NULL") == [{"reason": "nobody_answered"}]


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


@pytest.mark.parametrize("page", PLUGINS, ids=lambda page: page.name)
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


def test_the_exit_codes_are_those_of_the_commands() -> None:
    assert [row[0] for row in OPERATING.table("exit code")] == ["0", "1", "2", str(EXIT_BLOCKED)]


def test_the_defaults_of_retention_are_those_that_are_written(tmp_path: Path) -> None:
    written = parse(whole(block_with(OPERATING, "retention:")), tmp_path / "config.yaml", {})
    assert written.retention == parse(whole("worker: {}\n"), tmp_path / "config.yaml", {}).retention


def test_a_backup_in_the_order_that_is_written_answers_nothing_twice(
    tmp_path: Path, auzap: Auzap, gateway: GatewayProcess
) -> None:
    files: dict[str, Any] = {"queue": "sqlite:///data/queue.db", "database": "sqlite:///data/auzap.db"}
    house = House(tmp_path, gateway.url, plugins={"client_ai": {}}, **files)
    gateway.clear()
    anyio.run(house.put, job(message("antes")))
    assert auzap("run", "--drain").code == 0
    anyio.run(house.put, job(message("enquanto")), job(message("depois", phone="5511900000011")))
    (tmp_path / "backup").mkdir()
    for command in block_with(OPERATING, "VACUUM").splitlines()[1:]:
        _, file, statement = shlex.split(command.removeprefix("$ "))
        run_sql(tmp_path / file, statement.replace("backup/", f"{tmp_path}/backup/"))
        assert auzap("run", "--drain").code == 0  # between the two copies, and after them
    assert gateway.accepted() == 3

    shutil.rmtree(tmp_path / "data")
    (tmp_path / "backup").rename(tmp_path / "data")
    assert auzap("queue", "stats").json["waiting"] == 2
    assert auzap("run", "--drain").code == 0
    assert gateway.accepted() == 3
    assert auzap("queue", "stats").json == {"waiting": 0, "delayed": 0, "leased": 0, "dead": 0}


# ------------------------------------------------------------------ contributing


def test_the_gates_are_those_of_make_test() -> None:
    recipe = (ROOT / "Makefile").read_text().partition("\ntest: ")[2].partition("\n\n")[0]
    tools = re.findall(r"^\t\$\(bin\)/([\w-]+)((?: (?:check|format --check))?)", recipe, re.MULTILINE)
    gates = [text for row in OTHERS[0].table("gate") for text in code_in(row[0])]
    assert gates == [f"{tool}{rest}" for tool, rest in tools]
    limit = re.search(r"--cov-fail-under=(\d+)", recipe)
    assert limit is not None
    assert f"{limit[1]} %" in OTHERS[0].text
