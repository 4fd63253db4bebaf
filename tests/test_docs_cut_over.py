"""The cut-over guide, tried with rows and jobs like those of the TypeScript worker."""

from __future__ import annotations

import csv
import json
import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import anyio
import pytest
import yaml

from auzap.storage.migrate import upgrade
from scripts.take_over import TABLES, Unreadable, main, take_over
from tests.support.commands import Auzap, logging_as_before
from tests.support.distributions import importable, install
from tests.support.gateway import GatewayProcess, Mode, Rule
from tests.support.house import House, job, message
from tests.support.markdown import code_in
from tests.support.pages import DOCS, block_with
from tests.support.shell import Shell

GUIDE = DOCS["cut-over"]
BIA = "5511990000010"
ORGANIZATION = "0b6f3a52-6a0e-4c5e-9d0a-0c7a5f2b7e11"
#: as Postgres and PostgREST write times, and truth values
EXPORT: Mapping[str, list[dict[str, str]]] = {
    "owner_numbers": [
        {"id": "own1", "organization_id": ORGANIZATION, "phone": "(11) 90000-0001", "name": "Dona Ana", "active": "t"},
        {"id": "own2", "organization_id": ORGANIZATION, "phone": "5511900000002", "name": "", "active": "f"},
    ],
    "contacts": [
        # one person three times: younger, oldest, and without the ninth digit
        {"id": "bia2", "phone": "5511990000010", "name": "5511990000010", "created_at": "2025-03-02 10:00:00+00"},
        {"id": "bia1", "phone": "5511990000010", "name": "Bia", "created_at": "2025-03-01T23:30:00.5-03:00"},
        {"id": "bia3", "phone": "551190000010", "name": "551190000010", "created_at": "2025-03-04 10:00:00.12+00"},
        {"id": "caio", "phone": "5511900000011", "name": 'Caio, o "Rei"\nda rua', "created_at": "2025-04-01 08:00:00"},
        # a LID's digits and a group, which the old worker took for phones
        {"id": "lid1", "phone": "123456789012345", "name": "", "created_at": "2025-05-01 08:00:00Z"},
        {"id": "grp1", "phone": "120363000000000010", "name": "", "created_at": "2025-05-02 08:00:00Z"},
    ],
    "conversations": [
        {"id": "old", "contact_id": "bia1", "ai_enabled": "true", "last_message_at": "2025-03-02 09:00:00+00"},
        {"id": "new", "contact_id": "bia1", "ai_enabled": "true", "last_message_at": "2025-03-05 09:00:00+00"},
        {"id": "off", "contact_id": "bia3", "ai_enabled": "f", "last_message_at": "2025-03-06 09:00:00+00"},
        {"id": "caio-talk", "contact_id": "caio", "ai_enabled": "false", "last_message_at": "2025-04-01 09:00:00+00"},
    ],
    "messages": [
        # the same message, stored at each of three attempts
        *(
            {"id": f"in{n}", "conversation_id": "new", "whatsapp_message_id": "3EB0AA", "direction": "inbound",
             "content": "Oi", "status": "delivered", "processed_by_ai": "f", "created_at": f"2025-03-05 09:00:0{n}+00"}
            for n in range(3)
        ),
        {"id": "out", "conversation_id": "new", "whatsapp_message_id": "3EB0AB", "direction": "outbound",
         "content": "Olá!", "status": "sent", "ai_response": "t", "created_at": "2025-03-05 09:00:09+00"},
    ],
    "ai_interactions": [
        {"id": "ai", "conversation_id": "new", "message_id": "3EB0AA", "prompt": "Oi", "response": "Olá!",
         "confidence": "0.8", "model_used": "gpt-4o", "embedding": "[0.1]", "created_at": "2025-03-05 09:00:00+00"},
    ],
    "aurora_proactive_messages": [
        {"id": "tip", "owner_number_id": "own1", "message_type": "tip", "content": "Resumo", "status": "sent",
         "scheduled_for": "2025-03-05 12:00:00+00", "sent_at": "2025-03-05 12:00:00+00"},
    ],
}  # fmt: skip


@pytest.fixture
def auzap(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Auzap]:
    with logging_as_before():
        yield Auzap(capsys, tmp_path / "config.yaml")


@pytest.fixture(scope="module")
def gateway() -> Iterator[GatewayProcess]:
    with GatewayProcess() as running:
        yield running


def write_export(folder: Path) -> Path:
    export = folder / "export"
    export.mkdir()
    for table, given in EXPORT.items():
        rows = [{"organization_id": ORGANIZATION, **row} for row in given]
        names = list(dict.fromkeys(name for row in rows for name in row))
        with (export / f"{table}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, names)
            writer.writeheader()
            writer.writerows(rows)
    return export


@pytest.fixture
def database(tmp_path: Path) -> Path:
    upgrade("sqlite:///auzap.db", tmp_path)
    return tmp_path / "auzap.db"


def rows(database: Path, sql: str) -> list[Any]:
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute(sql).fetchall()


# ------------------------------------------------------------------ the script


def test_every_row_comes_over_as_it_is_duplicates_too(tmp_path: Path, database: Path) -> None:
    taken = take_over(write_export(tmp_path), database)
    assert [str(one) for one in taken] == [
        "owner_numbers: 2 written, 0 there already",
        "contacts: 6 written, 0 there already",
        "conversations: 4 written, 0 there already",
        "messages: 4 written, 0 there already",
        "ai_interactions: 1 written, 0 there already; columns left out: embedding",
        "aurora_proactive_messages: 1 written, 0 there already",
    ]
    found = dict(rows(database, "SELECT id, created_at FROM contacts"))
    assert found["bia1"] == "2025-03-02 02:30:00.500000"  # UTC, as auzap writes it
    assert found["caio"] == "2025-04-01 08:00:00.000000"
    assert rows(database, "SELECT name FROM contacts WHERE id IN ('caio', 'lid1') ORDER BY id") == [
        ('Caio, o "Rei"\nda rua',),
        (None,),
    ]
    assert rows(database, "SELECT id, ai_enabled FROM conversations ORDER BY id") == [
        ("caio-talk", 0), ("new", 1), ("off", 0), ("old", 1),
    ]  # fmt: skip
    assert rows(database, "SELECT typeof(confidence), confidence FROM ai_interactions") == [("real", 0.8)]
    assert rows(database, "SELECT count(*) FROM messages WHERE whatsapp_message_id = '3EB0AA'") == [(3,)]
    assert rows(database, "SELECT created_at FROM aurora_proactive_messages") == [("2025-03-05 12:00:00.000000",)]


def test_it_may_be_run_again_with_newer_files(tmp_path: Path, database: Path) -> None:
    export = write_export(tmp_path)
    take_over(export, database)
    with (export / "contacts.csv").open("a", encoding="utf-8") as file:
        file.write(f"{ORGANIZATION},dora,5511900000012,Dora,2025-06-01 08:00:00+00\n")
    again = {one.table: one for one in take_over(export, database)}
    assert (again["contacts"].written, again["contacts"].there_already) == (1, 6)
    assert again["messages"].written == 0


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("x1,,5511900000013,2025-01-01 00:00:00", "contacts.csv:2: organization_id is empty"),
        ("x1,org,,2025-01-01 00:00:00", "contacts.csv:2: phone is empty"),
        ("x1,org,5511900000013,01/02/2025", "contacts.csv:2: created_at is no time: '01/02/2025'"),
    ],
)
def test_a_row_that_cannot_be_read_is_named_and_nothing_is_written(
    tmp_path: Path, database: Path, line: str, why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    export = write_export(tmp_path)
    (export / "contacts.csv").write_text(f"id,organization_id,phone,created_at\n{line}\n")
    assert main([str(export), str(database)]) == 1
    assert capsys.readouterr().err == f"take_over: {export}/{why}\n"
    assert rows(database, "SELECT count(*) FROM owner_numbers") == [(0,)]


def test_what_is_not_there_is_told(tmp_path: Path, database: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(Unreadable, match=r"there is none of owner_numbers\.csv"):
        take_over(tmp_path / "empty", database)
    with pytest.raises(Unreadable, match="run `auzap db upgrade` first"):
        take_over(write_export(tmp_path), tmp_path / "none.db")


def test_the_table_of_columns_is_that_of_the_database(database: Path) -> None:
    told = {code_in(name)[0]: set(code_in(columns)) for name, columns in GUIDE.table("table")}
    assert set(told) == set(TABLES)
    for table, columns in told.items():
        there = {row[1] for row in rows(database, f"PRAGMA table_info({table})")}
        assert there - columns == ({"taken_over_at"} if table == "conversations" else set()), table
        assert columns <= there, table


# ------------------------------------------------------------------ what auzap makes of them


def petshop(folder: Path, gateway: str) -> House:
    files: dict[str, Any] = {"queue": "sqlite:///data/queue.db", "database": "sqlite:///data/auzap.db"}
    plugins: dict[str, Any] = {"aurora": {}, "client_ai": {}}
    house = House(folder, gateway, tenants=[ORGANIZATION], owners=(), plugins=plugins, **files)
    (folder / "spool").mkdir()
    return house


def spool(folder: Path, *messages: Mapping[str, Any]) -> None:
    lines = (json.dumps(job(one, tenant=ORGANIZATION)) for one in messages)
    (folder / "spool" / "1.jsonl").write_text("".join(f"{line}\n" for line in lines))


def test_customers_and_owners_of_old_are_known(tmp_path: Path, auzap: Auzap, gateway: GatewayProcess) -> None:
    house = petshop(tmp_path, gateway.url)
    write_export(tmp_path)
    assert auzap("db", "upgrade").code == 0
    take_over(tmp_path / "export", tmp_path / "data" / "auzap.db")
    gateway.clear()
    anyio.run(
        house.put,
        job(message("Bom dia!", phone=BIA), tenant=ORGANIZATION),
        job(message("E aí?", phone="5511900000011"), tenant=ORGANIZATION),
        job(message("resumo", phone="5511900000001"), tenant=ORGANIZATION),
    )
    assert auzap("run", "--drain").code == 0
    texts = {post.to.partition("@")[0]: post.text for post in gateway.log()}
    assert set(texts) == {BIA, "5511900000001"}, "Caio's conversation says AI off"
    assert "Resumo de hoje" in texts["5511900000001"]
    database = tmp_path / "data" / "auzap.db"
    assert rows(database, "SELECT sender_phone, contact_id, conversation_id, reason FROM auzap_inbox ORDER BY 1") == [
        ("5511900000001", None, None, None),
        ("5511900000011", "caio", "caio-talk", "ai_off"),
        (BIA, "bia1", "new", None),
    ]
    assert rows(database, "SELECT count(*) FROM contacts") == [(6,)]
    assert rows(database, "SELECT count(*) FROM owner_numbers") == [(2,)]


def test_the_guide_leads_there_and_back(
    tmp_path: Path, auzap: Auzap, gateway: GatewayProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every command of it, in order; then what was exported for the old tables is whole."""
    petshop(tmp_path, gateway.url)
    write_export(tmp_path)
    shadow = yaml.safe_load(block_with(GUIDE, "shadow: {}"))
    shadow["tenants"][ORGANIZATION] = shadow["tenants"].pop("petshop")
    (tmp_path / "shadow.yaml").write_text(yaml.safe_dump(shadow))
    site = tmp_path / "site"
    site.mkdir()
    offers = {"auzap.plugins": {"shadow": "auzap_shadow:Shadow"}}
    modules = {"auzap_shadow.py": block_with(GUIDE, "class Shadow")}
    install(site, "auzap-shadow", "0.1.0", offers=offers, modules=modules)
    monkeypatch.setenv("PYTHONPATH", str(site))
    monkeypatch.chdir(tmp_path)
    gateway.set(Mode(rules=(Rule(do="answer", to="5511900000019@s.whatsapp.net", status=400),)))
    gateway.clear()
    shell = Shell(auzap, tmp_path, tmp_path / "bin")
    spool(tmp_path, message("Oi!", phone=BIA, id="A"), message("Oi!", phone="5511900000019", id="B"))
    with importable(site):
        printed = {command: shell.type(command) for command in GUIDE.commands}
    # in the shadow nobody was called; afterwards each customer once
    assert sorted(post.to[:13] for post in gateway.log()) == ["5511900000019", BIA]
    said = next(text for command, text in printed.items() if "FROM auzap_outbox ORDER" in command)
    assert said.count("Recebi sua mensagem") == 2
    silent, disagreeing = (printed[one] for one in GUIDE.commands if "NOT ai_enabled" in one or "HAVING" in one)
    assert silent == f"{ORGANIZATION}|2\n"
    assert disagreeing == f"{ORGANIZATION}|90000010|3|2\n"
    assert not list((tmp_path / "spool").iterdir())
    dead = [json.loads(line) for line in (tmp_path / "dead.jsonl").read_text().splitlines()]
    assert [(one["organizationId"], one["instanceId"], one["message"]["key"]["id"]) for one in dead] == [
        (ORGANIZATION, "main", "B")
    ]

    since = re.search(r"created_at >= '([^']+)'", GUIDE.text)
    assert since is not None
    upgrade("sqlite:///again.db", tmp_path)
    back = {one.table: one for one in take_over(tmp_path / "back", tmp_path / "again.db")}
    assert back["messages"].written == 4
    assert back["contacts"].written == 1  # the other one is Bia
    assert all(one.left_out == () for one in back.values())
