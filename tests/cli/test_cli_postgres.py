"""The command line where the database is a Postgres server."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import Auzap
from tests.support.house import ROOT, House, environment, job, message
from tests.support.postgres import GUARDED, Cluster, PostgresDatabase
from tests.support.supabase import fill


@pytest.fixture
def empty(postgres: Cluster, tmp_path: Path) -> Iterator[PostgresDatabase]:
    with postgres.database(tmp_path, empty=True) as made:
        yield made


def at(house: House, url: str, **more: Any) -> str:
    """Move the house's database there; gives its name as it is told."""
    house.document["defaults"] = {"plugins": {"scribe": {}}}
    house.document["database"] = {"url": url, **more}
    house.write()
    return url.rpartition("@")[2]


def test_a_schema_that_is_behind_keeps_run_from_starting_and_upgrade_brings_it_up_to_date(
    house: House, auzap: Auzap, empty: PostgresDatabase
) -> None:
    at(house, empty.url)
    ran = auzap("run", "--drain", "--json")
    assert ran.code == 2
    assert ran.lines == ["auzap: the schema is behind (auzap, auzap-trouble): run `auzap db upgrade` first"]
    assert auzap("db", "upgrade").out == "upgraded: auzap, auzap-trouble\n"
    assert auzap("db", "upgrade").out == "The schema is up to date.\n"


def test_check_asks_no_server_unless_it_is_told_to(house: House, auzap: Auzap) -> None:
    name = at(house, "postgresql://somebody:geheim@127.0.0.1:1/db")
    ran = auzap("check")
    assert (ran.code, ran.err) == (0, "")
    assert f"database: {name}\n" in ran.out
    ran = auzap("check", "--online")
    assert ran.code == 1
    assert f"{name}: connection refused\n" in ran.err
    assert "geheim" not in ran.out + ran.err


def test_check_online_tells_the_schema_of_the_server(house: House, auzap: Auzap, empty: PostgresDatabase) -> None:
    name = at(house, empty.url)
    ran = auzap("check", "--online")
    assert ran.code == 1
    assert "the schema is behind (auzap, auzap-trouble): run `auzap db upgrade`\n" in ran.err
    auzap("db", "upgrade")
    assert auzap("check", "--online", "--json").json["database"] == f"{name}: schema auzap 0002; opened"


def test_check_online_tells_what_auzap_cannot_work_with(house: House, auzap: Auzap, empty: PostgresDatabase) -> None:
    name = at(house, empty.url)
    fill(empty, "uuid")
    auzap("db", "upgrade")
    empty.rows("ALTER TABLE trouble_notes DROP COLUMN text")
    ran = auzap("check", "--online")
    assert ran.code == 1
    told = [line.removeprefix(f"{name}: ") for line in ran.err.splitlines()]
    assert "tenant shop: its id should be a UUID, as ai_interactions.organization_id is" in told
    assert "tenant shop: instance main should be a UUID, as conversations.instance_id is" in told
    assert any(line.startswith("the table trouble_notes of auzap-trouble lacks text: ") for line in told)
    assert "aurora_proactive_messages.owner_number_id refers to authorized_owner_numbers: rows about owners" in ran.out


def test_a_wrong_password_is_told_in_one_line_with_its_place_and_never_shown(
    house: House, auzap: Auzap, postgres: Cluster
) -> None:
    name = at(house, postgres.url(user=GUARDED), password="geheim")
    told = f'{name}: password authentication failed for user "{GUARDED}"'
    for command in (("run", "--drain", "--json"), ("db", "upgrade"), ("check", "--online")):
        ran = auzap(*command)
        assert ran.code in (1, 2)
        assert [line for line in ran.lines if told in line] == ran.lines[:1]
        assert "geheim" not in ran.out + ran.err


def test_without_its_driver_the_way_to_get_it_is_told(house: House) -> None:
    at(house, "postgresql://somebody@127.0.0.1:1/db")
    code = (
        "import sys; sys.modules['asyncpg'] = None\n"
        "from auzap.cli import main\n"
        "for command in ('check',), ('db', 'upgrade'), ('run', '--json'):\n"
        "    try: main((*command, '-c', sys.argv[1]))\n"
        "    except SystemExit as ended: print(ended.code)\n"
    )
    run = [sys.executable, "-c", code, str(house.path)]
    ran = subprocess.run(run, capture_output=True, text=True, cwd=ROOT, env=environment(), check=True)
    told = [line for line in ran.stderr.splitlines() if not line.startswith("{")]
    assert len(told) == 3
    assert all(
        line.endswith('Postgres needs a driver that is not installed: pip install "auzap[postgres]"') for line in told
    )
    assert ran.stdout.split()[-2:] == ["2", "2"]


def test_a_message_is_answered_and_one_is_sent_with_the_tables_on_the_server(
    house: House, auzap: Auzap, empty: PostgresDatabase
) -> None:
    at(house, empty.url, migrate="auto")
    jobs = house.folder / "jobs.jsonl"
    jobs.write_text(json.dumps(job(message("Oi"))) + "\n")
    assert auzap("enqueue", str(jobs), "--json").json == {"accepted": 1, "duplicates": 0, "refused": 0}
    assert auzap("run", "--drain", "--json").code == 0
    assert empty.rows("SELECT state FROM auzap_inbox") == [{"state": "done"}]
    assert auzap("send", "--to", "5511900000010", "--instance", "main", "--wait", "0s", "Olá").code == 0
    assert empty.count("auzap_outbox") == 2
