"""What plugins remember of a chat during a turn."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from auzap.model.turn import Chat
from auzap.services.state import ChatState, TurnStates
from auzap.storage.store import Store
from tests.support.services import Ahead
from tests.support.stores import TENANT, SqliteDatabase, arrival, decision

CHAT = Chat("main", "5511900000010@s.whatsapp.net")


class Talk:
    """Turns of one chat, one after the other."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.tell = Ahead()
        self.states = self.begin()

    def begin(self) -> TurnStates:
        self.states = TurnStates(self.store, TENANT, CHAT, tell=self.tell)
        return self.states

    @property
    def state(self) -> ChatState:
        return self.states.of("vendas")

    async def end(self) -> None:
        """Store what was decided, and begin the next turn."""
        (recorded,) = await self.store.record([arrival()])
        await self.store.persist(decision(recorded, "Olá", state=self.states.changes()))
        self.begin()


@pytest.fixture
def talk(store: Store) -> Talk:
    return Talk(store)


async def test_what_was_set_is_there_at_once_and_in_the_next_turn(talk: Talk) -> None:
    assert await talk.state.get("step") is None
    assert await talk.state.get("step", 1) == 1
    talk.state.set("step", {"n": [1, None, "é"]})
    assert await talk.state.get("step") == {"n": [1, None, "é"]}
    await talk.end()
    assert await talk.state.get("step") == {"n": [1, None, "é"]}
    talk.state.delete("step")
    assert await talk.state.get("step", "none") == "none"
    await talk.end()
    assert await talk.state.get("step", "none") == "none"


async def test_a_turn_that_is_tried_again_finds_what_was_there_before(talk: Talk) -> None:
    talk.state.set("step", 1)
    await talk.end()
    talk.state.set("step", 2)
    talk.state.set("other", 3)
    talk.begin()  # it failed
    assert (await talk.state.get("step"), await talk.state.get("other")) == (1, None)


async def test_what_has_expired_is_gone_when_the_clock_says_so(talk: Talk) -> None:
    talk.state.set("soon", 1, expires=timedelta(hours=1))
    talk.state.set("late", 2, expires=timedelta(days=30))
    talk.state.set("never", 3)
    await talk.end()
    talk.tell.by = timedelta(hours=1)
    assert [await talk.state.get(name) for name in ("soon", "late", "never")] == [None, 2, 3]
    talk.tell.by = timedelta(days=31)
    talk.begin()
    assert [await talk.state.get(name) for name in ("soon", "late", "never")] == [None, None, 3]
    talk.state.set("soon", 4)  # without a limit now
    await talk.end()
    assert await talk.state.get("soon") == 4


async def test_what_is_kept_is_a_copy(talk: Talk) -> None:
    basket = ["ração"]
    talk.state.set("basket", basket)
    basket.append("coleira")
    assert await talk.state.get("basket") == ["ração"]


async def test_plugins_do_not_see_one_anothers(talk: Talk) -> None:
    talk.states.of("vendas").set("step", 1)
    assert await talk.states.of("agenda").get("step") is None
    await talk.end()
    assert await talk.states.of("agenda").get("step") is None
    assert talk.states.of("vendas") is talk.state


async def test_a_turn_that_does_not_ask_costs_no_query(talk: Talk, database: SqliteDatabase) -> None:
    with database.connect() as connection:
        connection.execute("DROP TABLE auzap_state")
    assert talk.state is talk.states.of("vendas")
    assert talk.states.changes() == ()
    await talk.end()


@pytest.mark.parametrize("value", [object(), {1, 2}, float("nan"), float("inf"), b"x", {(1, 2): 3}])
async def test_what_is_no_json_is_refused(talk: Talk, value: Any) -> None:
    with pytest.raises(TypeError, match=r"state\.set\('x'\): it is no JSON value"):
        talk.state.set("x", value)
    assert talk.states.changes() == ()


async def test_a_list_that_contains_itself_is_refused(talk: Talk) -> None:
    itself: list[Any] = []
    itself.append(itself)
    with pytest.raises(TypeError, match="no JSON"):
        talk.state.set("x", itself)


@pytest.mark.parametrize("name", ["", "x" * 101, "a\0b", "\ud800"])
async def test_a_name_that_cannot_be_kept_is_refused(talk: Talk, name: str) -> None:
    with pytest.raises(ValueError, match="a name has 1 to 100 characters"):
        talk.state.set(name, 1)
    with pytest.raises(ValueError, match="a name has 1 to 100 characters"):
        talk.state.delete(name)


async def test_a_name_is_text(talk: Talk) -> None:
    with pytest.raises(TypeError, match="a name is text, and not 7"):
        talk.state.set(7, 1)  # type: ignore[arg-type]


async def test_a_value_that_is_too_long_is_refused(talk: Talk) -> None:
    talk.state.set("x", "a" * 65_534)
    with pytest.raises(ValueError, match="65,537 characters as JSON; 65,536 are the most"):
        talk.state.set("x", "a" * 65_535)
