"""``auzap check``."""

from __future__ import annotations

import json
import shutil
import socket
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import anyio
import pytest

from tests.support.commands import Auzap, place
from tests.support.distributions import importable, install
from tests.support.gateway import GatewayProcess
from tests.support.house import ROOT, House, environment, job, message
from tests.support.permissions import bound_by_permissions
from tests.support.tty import on_a_terminal

NOT_YET = "is not there yet: it is made when it is first used"


def fine(folder: Path, *, queue: str = "", database: str = "", plugins: str = "trouble") -> str:
    """What is printed; the files are not there yet unless it is said otherwise."""
    return (
        f"tenant shop: plugins in order: {plugins}\n"
        f"queue: {queue or f'{folder}/queue.db {NOT_YET}'}\n"
        f"database: {database or f'{folder}/auzap.db {NOT_YET}'}\n"
        "The configuration is fine.\n"
    )


def test_what_is_right_is_said_so_with_each_tenants_plugins_in_order(
    house: House, auzap: Auzap, tmp_path: Path
) -> None:
    house.document["defaults"] = {"plugins": {"scribe": {}, "trouble": {}}}
    house.document["tenants"]["salon"] = {"instances": {"main": {"channel": "console"}}, "plugins": {"doorman": {}}}
    house.write()
    ran = auzap("check")
    assert (ran.code, ran.err) == (0, "")
    note = "auzap-trouble has no migrations: what it changes in its tables later (trouble_notes, trouble_bookings)"
    assert ran.out == (
        "tenant shop: plugins in order: trouble, scribe\n"
        "tenant salon: plugins in order: doorman, scribe, trouble\n"
        f"queue: {tmp_path}/queue.db {NOT_YET}\n"
        f"database: {tmp_path}/auzap.db {NOT_YET}\n"
        f"note: {note} gets lost\n"
        "The configuration is fine.\n"
    )
    assert auzap("check", "--json").json == {
        "ok": True,
        "mistakes": [],
        "warnings": [],
        "notes": [f"{note} gets lost"],
        "plugins": {"shop": ["trouble", "scribe"], "salon": ["doorman", "scribe", "trouble"]},
        "suspended": [],
        "queue": f"{tmp_path}/queue.db {NOT_YET}",
        "queue_facts": [],
        "database": f"{tmp_path}/auzap.db {NOT_YET}",
        "gateways": {},
    }


def test_nothing_is_made_or_written(tmp_path: Path, auzap: Auzap) -> None:
    house = House(tmp_path, "http://127.0.0.1:1", queue="sqlite:///data/queue.db", database="sqlite:///data/auzap.db")
    assert auzap("check").out == fine(tmp_path / "data")
    assert house.auzap("check", "--online").returncode == 1  # nobody is at the gateway's port
    assert [path.name for path in tmp_path.iterdir()] == ["config.yaml"]


def test_a_database_in_use_is_looked_at_and_left_as_it_is(house: House, auzap: Auzap) -> None:
    assert auzap("db", "upgrade").code == 0
    before = (house.folder / "auzap.db").read_bytes()
    with closing(sqlite3.connect(house.folder / "auzap.db")) as writer:
        writer.execute("BEGIN IMMEDIATE")
        assert auzap("check").out == fine(house.folder, database=f"{house.folder}/auzap.db: schema auzap 0002")
    assert (house.folder / "auzap.db").read_bytes() == before
    assert {path.name for path in house.folder.iterdir()} == {"config.yaml", "auzap.db"}


def test_every_mistake_is_told_at_once_also_those_of_plugins(house: House, auzap: Auzap) -> None:
    house.document["worker"]["drain"] = "2x"
    house.document["tenants"]["salon"] = {"owners": ["12"], "instances": {}, "plugins": {}}
    house.document["tenants"]["bakery"] = {"instances": {}, "plugins": {"scribe": {"replies": "many"}}}
    house.write()
    where = place(house.path, "2x")
    drain = f"{where}: worker.drain: not a duration: '2x'; write it like 250ms, 30s, 5m, 1h30m or 7d"
    where = place(house.path, "'12'")
    salon = f"{where}: tenants.salon.owners[0]: '12' is no phone number; write it like +55 11 90000-0001"
    ran = auzap("check")
    assert (ran.code, ran.out, ran.lines) == (1, "", [drain, salon])
    assert auzap("check", "--json").json["queue"] is None

    house.document["worker"]["drain"] = "2s"
    house.write()
    ran = auzap("check")
    where = place(house.path, "many")
    bakery = f"{where}: tenants.bakery.plugins.scribe.replies: many should be a whole number"
    assert (ran.code, ran.lines) == (1, [salon, bakery])
    assert ran.out.startswith("tenant shop: plugins in order: trouble\nqueue: ")
    assert "fine" not in ran.out
    ran = auzap("check", "--json")
    assert ran.code == 1
    assert (ran.json["ok"], ran.json["mistakes"], ran.json["plugins"]) == (
        False,
        [salon, bakery],
        {"shop": ["trouble"]},
    )


def test_all_mistakes_of_one_tenant_are_told_of_plugins_channels_and_registration(house: House, auzap: Auzap) -> None:
    house.document["tenants"]["shop"] |= {
        "plugins": {"nope": {}, "scribe": {"replies": "many"}, "trouble": {}},
        "instances": {"main": {"channel": "baileys"}, "other": {"channel": "pigeon"}},
    }
    house.write()
    lines = auzap("check").lines
    assert len(lines) == 4
    for part, line in zip(("nope", "replies: many", "url: is missing", "pigeon"), lines, strict=True):
        assert part in line


def test_a_plugin_that_does_not_load_is_named_with_distribution_and_line(tmp_path: Path, auzap: Auzap) -> None:
    install(
        tmp_path,
        "auzap-greeter",
        "1.2",
        offers={"auzap.plugins": {"greeter": "auzap_greeter:Greeter", "typo": "auzap_greeter:Typo"}},
        modules={
            "auzap_greeter.py": "import auzap\n\nclass Greeter(auzap.Plugin):\n    @auzap.hookimpl\n"
            "    async def handle_mesage(self, message): ...\n\nclass Typo(auzap.Plugni): ...\n"
        },
    )
    House(tmp_path, "http://127.0.0.1:1", plugins={"typo": {}})
    with importable(tmp_path):
        ran = auzap("check")
    assert (ran.code, ran.lines) == (
        1,
        [
            (
                f"{place(auzap.path, '{}')}: tenants.shop.plugins.typo: plugin typo: auzap-greeter 1.2 "
                "(auzap_greeter:Typo) does not load: AttributeError: module 'auzap' has no attribute 'Plugni' at "
                f"{tmp_path}/auzap_greeter.py:7"
            )
        ],
    )


def test_a_plugin_that_is_written_wrong_is_named_with_file_and_line(tmp_path: Path, auzap: Auzap) -> None:
    install(
        tmp_path,
        "auzap-greeter",
        "1.2",
        offers={"auzap.plugins": {"greeter": "auzap_greeter:Greeter"}},
        modules={
            "auzap_greeter.py": "import auzap\n\nclass Greeter(auzap.Plugin):\n    @auzap.hookimpl\n"
            "    async def handle_mesage(self, message): ...\n\n    @auzap.hookimpl\n"
            "    async def handle_event(self, what): ...\n"
        },
    )
    House(tmp_path, "http://127.0.0.1:1", plugins={"greeter": {}})
    with importable(tmp_path):
        ran = auzap("check")
    whose = f"tenant shop: plugin greeter of auzap-greeter, {tmp_path}/auzap_greeter.py"
    assert ran.code == 1
    assert ran.lines == [
        (
            f"{whose}:4: handle_mesage implements no hook that there is (is handle_message meant?); there are "
            "normalize_message, classify_sender, handle_message, review_replies, persist, send_reply, handle_event"
        ),
        f"{whose}:7: handle_event has an unknown argument what; there are event, instance_id, store",
    ]


def test_a_schema_that_is_behind_matters_where_run_does_not_migrate(tmp_path: Path, auzap: Auzap) -> None:
    house = House(
        tmp_path,
        "http://127.0.0.1:1",
        plugins={"scribe": {}},
        database={"url": "sqlite:///auzap.db", "migrate": "manual"},
    )
    behind = "the schema is behind (auzap, auzap-trouble): run `auzap db upgrade`"
    ran = auzap("check")
    assert (ran.code, ran.lines) == (1, [behind])
    ran = auzap("run", "--drain")
    assert (ran.code, ran.lines) == (2, [f"auzap: {behind} first"])
    assert {path.name for path in house.folder.iterdir()} == {"config.yaml"}

    ran = auzap("db", "upgrade")
    assert (ran.code, ran.out) == (0, "upgraded: auzap, auzap-trouble\n")
    assert auzap("check").code == auzap("run", "--drain").code == 0
    assert auzap("db", "upgrade").out == "The schema is up to date.\n"
    assert auzap("db", "upgrade", "--json").json == {"upgraded": []}


def test_the_shipped_configuration_is_fine_and_needs_no_variable(
    tmp_path: Path, auzap: Auzap, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BAILEYS_TOKEN", raising=False)
    shutil.copy(ROOT / "config.yaml", auzap.path)
    ran = auzap("check")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == fine(tmp_path / "data", plugins="aurora, client_ai").replace("shop:", "petshop:", 1)


def test_the_shipped_baileys_instance_loads_when_it_is_uncommented(
    tmp_path: Path, auzap: Auzap, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = (ROOT / "config.yaml").read_text(encoding="utf-8").splitlines()
    demo = next(number for number, line in enumerate(lines) if "channel: demo" in line)
    baileys = next(number for number, line in enumerate(lines) if "# main: {channel: baileys" in line)
    lines[demo] = ""
    lines[baileys] = lines[baileys].replace("# ", "", 1)
    auzap.path.write_text("\n".join(lines), encoding="utf-8")
    monkeypatch.delenv("BAILEYS_TOKEN", raising=False)
    token = place(auzap.path, '"${BAILEYS_TOKEN}')
    ran = auzap("check")
    assert (ran.code, ran.lines) == (
        1,
        [
            (
                f"{token}: tenants.petshop.instances.main.token: the variable BAILEYS_TOKEN is not set; "
                "set it, or write ${BAILEYS_TOKEN:-default}"
            )
        ],
    )
    monkeypatch.setenv("BAILEYS_TOKEN", "secret")
    assert auzap("check").code == 0


# ------------------------------------------------------------------ twice, or for nothing


def behind(path: Path, key: str) -> str:
    """The place of the value of a key; of its last one."""
    numbered = enumerate(path.read_text().splitlines(), 1)
    *_, (number, line) = ((number, line) for number, line in numbered if key in line)
    return f"{path}:{number}:{line.index(key) + len(key) + 1}"


def test_what_is_there_twice_or_for_nothing_is_a_mistake(house: House, auzap: Auzap) -> None:
    house.document["defaults"] = {"plugins": {"scribe": {}}}
    house.document["tenants"]["shop"] |= {
        "owners": ["+55 11 90000-0001", "011 90000-0001"],
        "only": ["+55 11 90000-0010", "5511900000010"],
        "plugins": {"trouble": {}, "scribe": False, "doormann": False},
    }
    house.write()
    ran = auzap("check")
    path = house.path
    assert (ran.code, ran.lines) == (
        1,
        [
            (
                f"{place(path, '011 9')}: tenants.shop.owners[1]: '011 90000-0001' is there already, as "
                "'+55 11 90000-0001'; keep one of them"
            ),
            (
                f"{place(path, chr(39) + '5511900000010')}: tenants.shop.only[1]: '5511900000010' is there already, as "
                "'+55 11 90000-0010'; keep one of them"
            ),
            (
                f"{behind(path, 'doormann: ')}: tenants.shop.plugins.doormann: switches "
                "nothing off: `defaults` has no plugin of this name"
            ),
            f"{behind(path, 'scribe: ')}: defaults.plugins.scribe: no tenant uses it: all have switched it off",
        ],
    )
    assert ran.out.startswith("tenant shop: plugins in order: trouble\n")


def test_what_may_well_be_meant_is_a_note(house: House, auzap: Auzap) -> None:
    house.document["tenants"] |= {
        "quiet": {"instances": {}, "plugins": {}},
        "desk": {"instances": {"a": {"channel": "demo"}, "b": {"channel": "console"}}, "plugins": {"trouble": {}}},
    }
    house.write()
    ran = auzap("check", "--json")
    assert (ran.code, ran.json["ok"]) == (0, True)
    assert ran.json["notes"] == [
        "tenant quiet: it has no instances: nothing reaches it",
        "tenant quiet: it has no plugins: nobody answers",
        "tenant desk: its instances a, b want the same keyboard: only the first gets it",
    ]


# ------------------------------------------------------------------ many tenants, and one of them


def test_a_plugin_that_is_not_installed_is_told_once_with_the_tenants_that_use_it(house: House, auzap: Auzap) -> None:
    shop = house.document["tenants"]["shop"]
    house.document["tenants"] |= {f"t{n}": {**shop, "plugins": {"agenda_zoo": {}, "trouble": {}}} for n in range(8)}
    house.document["tenants"]["t0"]["plugins"] = {"mine": {"use": "agenda_zoo"}}
    house.write()
    ran = auzap("check")
    assert ran.code == 1
    [line] = ran.lines
    assert line.startswith(f"{place(house.path, 'agenda_zoo')}: tenants.t0.plugins.mine.use: plugin 'agenda_zoo': not")
    assert "`pip install auzap-agenda-zoo`" in line
    assert line.endswith("; used by: t0, t1, t2, t3, t4, 3 more")


def test_who_is_suspended_is_said_to_be(house: House, auzap: Auzap) -> None:
    house.document["tenants"]["salon"] = {**house.document["tenants"]["shop"], "suspended": True}
    house.write()
    assert "tenant salon: plugins in order: trouble (suspended)\n" in auzap("check").out
    told = auzap("check", "--json").json
    assert (told["suspended"], list(told["plugins"])) == (["salon"], ["shop", "salon"])


def test_many_tenants_are_summed_up_and_one_can_be_looked_at(house: House, auzap: Auzap) -> None:
    shop = house.document["tenants"]["shop"]
    house.document["tenants"] |= {f"t{n}": {**shop, "plugins": {"reviewer": {}}} for n in range(60)}
    house.document["tenants"]["t7"] = {**shop, "plugins": {"scribe": {"replies": "many"}}, "instances": {}}
    house.document["tenants"]["t8"] = {**shop, "owners": ["12"]}
    house.write()
    ran = auzap("check")
    assert (ran.code, len(ran.lines)) == (1, 2)
    assert ran.out.splitlines()[:3] == [
        "59 tenants can run; --tenant tells of one",
        "58 tenants (t0, t1, t2, …): plugins in order: reviewer",
        "1 tenant (shop): plugins in order: trouble",
    ]
    ran = auzap("check", "--tenant", "t5")
    assert (ran.code, ran.lines, ran.out.splitlines()[0]) == (0, [], "tenant t5: plugins in order: reviewer")
    ran = auzap("check", "--tenant", "t7")
    assert (ran.code, ran.lines) == (
        1,
        [f"{place(house.path, 'many')}: tenants.t7.plugins.scribe.replies: many should be a whole number"],
    )
    assert "'12' is no phone number" in auzap("check", "--tenant", "t8").lines[0]
    assert auzap("check", "--tenant", "t99").lines[0].startswith("auzap: unknown tenant 't99': there is shop, t0")


# ------------------------------------------------------------------ the files


def test_files_that_may_not_be_written_are_told(tmp_path: Path) -> None:
    house = House(tmp_path, "http://127.0.0.1:1", queue="sqlite:///data/queue.db", database="sqlite:///data/auzap.db")
    assert house.auzap("db", "upgrade").returncode == 0
    where = place(house.path, "sqlite:///data/auzap.db")
    data = tmp_path / "data"

    def told() -> list[str]:
        command = [*bound_by_permissions(), sys.executable, "-m", "auzap", "check", "-c", str(house.path)]
        done = subprocess.run(command, env=environment(), cwd="/", capture_output=True, text=True, check=False)
        assert done.returncode == 1
        return done.stderr.splitlines()

    house.path.chmod(0)
    assert told() == [f"{house.path}: cannot be read: Permission denied"]
    house.path.chmod(0o644)
    data.chmod(0o555)
    try:
        why = f"the folder {data} may not be written"
        assert told() == [f"queue {data}/queue.db: {why}", f"{where}: database: {data}/auzap.db: {why}"]
        data.chmod(0o755)
        (data / "auzap.db").chmod(0o444)
        assert told() == [f"{where}: database: {data}/auzap.db: the file may not be written"]
    finally:
        data.chmod(0o755)


def test_a_folder_where_a_file_belongs_is_told(house: House, auzap: Auzap) -> None:
    (house.folder / "queue.db").mkdir()
    assert auzap("check").lines == [f"queue {house.folder}/queue.db: is no file"]


def test_a_table_that_an_earlier_version_made_and_no_migration_changes_is_told(house: House, auzap: Auzap) -> None:
    house.document["tenants"]["shop"]["plugins"] = {"scribe": {}}
    house.write()
    assert auzap("db", "upgrade").code == 0
    assert auzap("check").code == 0
    with closing(sqlite3.connect(house.folder / "auzap.db")) as connection:
        connection.execute("ALTER TABLE trouble_notes DROP COLUMN text")
    ran = auzap("check")
    assert (ran.code, ran.lines) == (
        1,
        [
            (
                f"{house.folder}/auzap.db: the table trouble_notes of auzap-trouble lacks text: it was made by an "
                "earlier version, and there are no migrations; add them by hand"
            )
        ],
    )


def test_migrations_that_are_not_there_are_told(tmp_path: Path, auzap: Auzap) -> None:
    source = "import auzap\n\nclass Book(auzap.Plugin):\n    migrations = 'auzap_book_migrations'\n"
    install(
        tmp_path,
        "auzap-book",
        "1.0",
        offers={"auzap.plugins": {"book": "auzap_book:Book"}},
        modules={"auzap_book.py": source},
    )
    House(tmp_path, "http://127.0.0.1:1", plugins={"book": {}})
    with importable(tmp_path):
        ran = auzap("check")
    assert (ran.code, ran.lines) == (
        1,
        ["migrations auzap_book_migrations: not a package with a folder versions/"],
    )


# ------------------------------------------------------------------ online


def test_online_the_queue_the_database_and_each_gateway_are_asked(
    house: House, auzap: Auzap, gateway: GatewayProcess
) -> None:
    assert auzap("db", "upgrade").code == 0
    anyio.run(house.put, job(message("oi")))
    house.document["tenants"]["desk"] = {"instances": {"main": {"channel": "console"}}, "plugins": {"trouble": {}}}
    house.write()
    ran = auzap("check", "--online")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.splitlines()[2:] == [
        f"queue: {house.folder}/queue.db: 1 waiting, 0 delayed, 0 leased, 0 dead",
        f"database: {house.folder}/auzap.db: schema auzap 0002; opened",
        "gateway shop/main: reachable",
        "gateway shop/other: reachable",
        "The configuration is fine.",
    ]
    assert gateway.log() == []
    assert auzap("queue", "stats").json["waiting"] == 1


def test_a_gateway_is_asked_for_its_address_alone_and_any_answer_will_do(house: House, auzap: Auzap) -> None:
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(404)

        def log_request(self, code: object = "-", size: object = "-") -> None:
            asked.append(self.requestline)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            url = f"http://127.0.0.1:{server.server_port}/wa"
            for instance in house.document["tenants"]["shop"]["instances"].values():
                instance["url"] = url
            house.write()
            ran = auzap("check", "--online", "--json")
        finally:
            server.shutdown()
            thread.join()
    assert ran.json["gateways"] == {"shop/main": "reachable", "shop/other": "reachable"}
    assert asked == ["GET /wa/ HTTP/1.1"] * 2


def test_a_gateway_that_does_not_answer_is_told_with_its_address(house: House, auzap: Auzap) -> None:
    with (
        closing(socket.create_server(("127.0.0.1", 0))) as silent,
        closing(socket.create_server(("127.0.0.1", 0))) as gone,
    ):
        ports = [server.getsockname()[1] for server in (silent, gone)]
        gone.close()
        for name, port in zip(("main", "other"), ports, strict=True):
            url = f"http://127.0.0.1:{port}"
            house.document["tenants"]["shop"]["instances"][name] |= {"url": url, "timeout": "200ms"}
        house.write()
        ran = auzap("check", "--online")
    assert ran.code == 1
    assert ran.lines[0] == f"gateway shop/main: no answer in time from http://127.0.0.1:{ports[0]}/"
    assert ran.lines[1].startswith(f"gateway shop/other: cannot reach http://127.0.0.1:{ports[1]}/: ")
    assert "reachable" not in ran.out


def test_a_database_that_somebody_else_writes_for_long_is_told_only_online(house: House, auzap: Auzap) -> None:
    assert auzap("db", "upgrade").code == 0
    house.document["tenants"]["shop"]["instances"] = {}
    house.write()
    with closing(sqlite3.connect(house.folder / "auzap.db")) as writer:
        writer.execute("BEGIN IMMEDIATE")
        assert auzap("check").code == 0
        ran = auzap("check", "--online")
    assert (ran.code, ran.lines) == (1, [f"{house.folder}/auzap.db: database is locked"])


# ------------------------------------------------------------------ on a terminal


def test_on_a_terminal_tenants_are_a_table_that_fits(house: House) -> None:
    with on_a_terminal("check", "-c", str(house.path), folder=house.folder, columns=80) as screen:
        assert screen.end() == 0
    lines = screen.text.splitlines()
    assert lines[0].split() == ["Tenant", "Plugins", "in", "order", "Instances"]
    assert lines[2].split() == ["shop", "trouble", "main", "(baileys),", "other", "(baileys)"]
    assert max(map(len, lines[:3])) <= 80
    assert lines[-1] == "The configuration is fine."


def test_on_a_terminal_many_tenants_take_their_time_aloud(house: House) -> None:
    tenants = {f"shop{number}": house.document["tenants"]["shop"] for number in range(30_000)}
    house.path.write_text(json.dumps({**house.document, "tenants": tenants}), encoding="utf-8")
    with on_a_terminal("check", "-c", str(house.path), folder=house.folder) as screen:
        screen.wait_for("Looking at the configuration")
        assert screen.end() == 0
