"""Several processes at one database."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from auzap.storage.migrate import pending
from tests.support.stores import Database

ROOT = Path(__file__).parents[2]
NINE, EIGHT, LID = "5511990000010", "551190000010", "199900000000001@lid"


def at_once(commands: Sequence[Sequence[str]]) -> list[str]:
    """Run processes that say ``ready`` and wait for a line, and let them go together. What each prints after that."""
    processes = [
        subprocess.Popen([sys.executable, *command], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for command in commands
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    printed = [process.communicate(timeout=60)[0] for process in processes]
    assert {process.returncode for process in processes} == {0}
    return printed


def meet_together(database: Database, lanes: Sequence[tuple[str, Sequence[str]]]) -> None:
    """One process a lane."""
    module = ["-m", "tests.storage.meeting_process", database.url, str(database.folder)]
    at_once([[*module, instance, *people] for instance, people in lanes])


def test_ten_first_messages_of_one_person_make_one_contact_with_one_conversation(database: Database) -> None:
    lanes = [
        ("main", [f"{NINE}/", f"{EIGHT}/{LID}", f"{NINE}/", f"{EIGHT}/", f"{NINE}/{LID}"]),
        ("second", [f"{EIGHT}/{LID}", f"{NINE}/{LID}", f"{EIGHT}/", f"{NINE}/", f"{EIGHT}/{LID}"]),
    ]
    meet_together(database, lanes)
    assert database.count("messages") == 10
    assert database.count("contacts") == database.count("conversations") == database.count("auzap_active") == 1
    assert len({row["conversation_id"] for row in database.rows("SELECT conversation_id FROM messages")}) == 1


@pytest.mark.parametrize("order", [1, -1])
def test_phone_and_lid_that_meet_only_later_end_as_one_person(database: Database, order: int) -> None:
    lanes = [
        ("main", [f"{NINE}/", f"{EIGHT}/", f"/{LID}"][::order]),
        ("second", [f"/{LID}", f"{NINE}/", f"{EIGHT}/{LID}"][::order]),
    ]
    meet_together(database, lanes)
    assert database.count("messages") == 6
    assert database.count("conversations", "status = 'active'") == database.count("auzap_active") == 1
    assert len({row["contact_id"] for row in database.rows("SELECT contact_id FROM contact_identities")}) == 1


def test_ten_processes_may_upgrade_a_new_database_at_once(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; import alembic.command; from auzap.storage.migrate import upgrade;"
        "print('ready', flush=True); sys.stdin.readline();"
        "print(upgrade('sqlite:///data/auzap.db', Path(sys.argv[1])))"
    )
    upgraded = at_once([["-c", code, str(tmp_path)]] * 10)
    assert sorted(upgraded) == ["['auzap']\n"] + ["[]\n"] * 9
    assert pending("sqlite:///data/auzap.db", tmp_path) == []


def test_deadlines_in_the_middle_of_statements_leave_a_store_that_goes_on_and_ends(database: Database) -> None:
    command = [sys.executable, "-m", "tests.storage.cancelling_process", database.url, str(database.folder)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.stdout, ended.stderr, ended.returncode) == ("went on\n", "", 0)
