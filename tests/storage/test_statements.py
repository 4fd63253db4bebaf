"""The statements stay quick however full the tables are."""

from __future__ import annotations

import re
from typing import Any

import pytest

from auzap.setwise import repeated
from auzap.storage.sqlite import statements
from tests.support.plans import scans_a_table
from tests.support.stores import SqliteDatabase

STATEMENTS = {name: text for name, text in vars(statements).items() if name.isupper() and not name.startswith("_")}


@pytest.mark.parametrize("name", sorted(STATEMENTS))
def test_each_statement_goes_by_an_index(on_sqlite: SqliteDatabase, name: str) -> None:
    text: str = STATEMENTS[name]
    if "VALUES (?" in text:
        text = repeated(text, 4)
    numbers = [int(number) for number in re.findall(r"\?(\d)", text)]
    params: list[Any] = ["1"] * max(numbers, default=text.count("?"))
    plan = [str(row["detail"]) for row in on_sqlite.rows(f"EXPLAIN QUERY PLAN {text}", *params)]
    assert [step for step in plan if scans_a_table(step)] == []
