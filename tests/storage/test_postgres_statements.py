"""The statements of Postgres: the same as SQLite's, quick however full the tables are, and fit for any text."""

from __future__ import annotations

import re
from typing import Any, get_args

import pytest

from auzap.model.reply import Interaction
from auzap.storage.postgres.packing import packed
from auzap.storage.postgres.texts import BLOCKS_OF, SQL, Texts
from auzap.storage.sqlite.tx import SQL as SQLITE
from auzap.storage.steps.tx import Statement
from auzap.storage.store import Person
from tests.support.stores import TENANT, PostgresDatabase, arrival, decision

#: Postgres's own
OWN = {"COLUMNS", "LOCK", "NOTE_SENT", "PERSIST", "RECORD", "TIME"}


def test_both_databases_have_every_statement() -> None:
    assert set(get_args(Statement)) == SQL.keys() - OWN == SQLITE.keys()


@pytest.fixture(scope="session")
def types(server_url: str) -> dict[str, str]:
    return dict.fromkeys(re.findall(r"\{(\w+\.\w+)\}", " ".join(SQL.values())), "text")


@pytest.mark.parametrize("name", sorted(SQL.keys() - {"COLUMNS"}))
def test_each_statement_goes_by_an_index(on_postgres: PostgresDatabase, types: dict[str, str], name: str) -> None:
    text = Texts(types, place="here").of(name)
    count = max((int(number) for number in re.findall(r"\$(\d+)", text)), default=0)
    arguments = ", ".join(["NULL"] * count)
    settings = ("enable_seqscan", "enable_hashjoin", "enable_mergejoin")
    steps = on_postgres.plan(
        "; ".join([f"SET LOCAL {one} = off" for one in settings] + ["SET LOCAL plan_cache_mode = force_generic_plan"]),
        f"PREPARE one AS {text}",
        f"EXPLAIN EXECUTE one{f'({arguments})' if count else ''}",
    )
    assert [
        step for step in steps if re.search(r"Seq Scan|Index (Only )?Scan .*(?!.*Cond)$", step) and "Seq" in step
    ] == []


@pytest.mark.parametrize("bad", ["\0", "\ud800", "\x1f", "\x1e", "", "\x1f\x1e\0é", "'\\{},\"%s$1"])
async def test_whatever_stands_in_a_text_nothing_raises(on_postgres: PostgresDatabase, bad: str) -> None:
    """Also where nothing but ids is expected: they come from outside."""
    async with on_postgres.open() as store:
        person = Person(phone=f"55119{bad}", lid=f"1{bad}@lid", name=bad)
        one = arrival(
            f"k{bad}", envelope_id=f"E{bad}", content=bad, person=person, message_id=bad, instance_id=f"i{bad}"
        )
        (turn,) = await store.record([one])
        (again,) = await store.record([one])
        assert (again.id, again.contact_id) == (turn.id, turn.contact_id)
        interaction = Interaction(prompt=bad, response=bad, intent=bad, sentiment=bad, confidence=None, model_used=bad)
        one_reply, two = await store.persist(decision(turn, bad, "dois", interaction=interaction))
        await store.note_sent(one_reply.id, token=1, provider_id=f"P{bad}")
        assert await store.note_receipt(TENANT, f"P{bad}", "read")
        assert await store.is_ours(TENANT, f"P{bad}")
        await store.note_refused(two.id, token=1, reason=bad)


@pytest.mark.parametrize(
    "values", [[""], ["", ""], ["a", None], [None], ["\x1f"], ["\x1e", None, "\x1e\x1f"], ["é\n'\"\\"]]
)
async def test_what_is_packed_comes_out_as_it_was(on_postgres: PostgresDatabase, values: list[str | None]) -> None:
    between, null, text = packed("t", [(value,) for value in values])
    found = on_postgres.fetch(
        "SELECT v FROM unnest((string_to_array($3, $1, $2))[2:]) WITH ORDINALITY AS u (v, n) ORDER BY n",
        between,
        null,
        text,
    )
    assert [row["v"] for row in found] == values


def test_every_kind_of_column_is_known() -> None:
    assert set("".join(kinds for blocks in BLOCKS_OF.values() for kinds in blocks)) == set("bftz")


@pytest.mark.parametrize(
    "decided",
    [{}, {"interaction": Interaction(prompt="a", response="b", confidence=0.5)}, {"reason": "nobody_answered"}],
)
async def test_each_step_of_a_message_as_usual_is_one_statement(
    on_postgres: PostgresDatabase, decided: dict[str, Any]
) -> None:
    commits: list[None] = []
    async with on_postgres.open(before_commit=lambda: commits.append(None)) as store:
        await store.record([arrival()])
        commits.clear()
        (turn,) = await store.record([arrival()])
        replies = await store.persist(decision(turn, *() if "reason" in decided else ("um", "dois"), **decided))
        for reply in replies:
            assert await store.claim(reply.id, token=1, began_at=turn.began_at) == "claimed"
            await store.note_sent(reply.id, token=1, provider_id="P1")
        await store.record([arrival(person=None)])
    # what goes the long way is tried in the short one first
    assert len(commits) == 3 + 2 * len(replies)
    assert on_postgres.count("auzap_inbox", "state = 'done'") == 1


async def test_one_statement_serves_every_number_of_rows(on_postgres: PostgresDatabase) -> None:
    async with on_postgres.open() as store:
        for count in (1, 3, 40):
            people = [Person(phone=f"5511900{number:06d}", lid=None, name=None) for number in range(count)]
            told: list[Any] = await store.record([arrival(person=person) for person in people])
            assert len({one.contact_id for one in told}) == count
