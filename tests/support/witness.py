"""Compares, after a run with kills and outages, what the gateway took with what the database knows.

For the plugin ``scribe``, which answers each message once, and for messages written by ``tests.support.writing``.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from tests.support.gateway import GatewayProcess, Post
from tests.support.house import House
from tests.support.tally import accepted, replies_by_chat
from tests.support.writing import number_of

__all__ = ["Found", "Witness"]

#: seconds: what is on its way when a worker dies arrives at the gateway
_ON_ITS_WAY = 0.1


@dataclass(frozen=True, slots=True)
class Found:
    """How the messages of a run ended."""

    answered: int
    #: refused three times
    dead: int
    #: posted again with the same key, since the answer was never noted
    again: int


class Witness:
    """Asks the database again and again which answers it has noted."""

    def __init__(self, house: House, gateway: GatewayProcess) -> None:
        self._house = house
        self._gateway = gateway
        #: the key of a reply -> when it was first seen to be noted as sent; on the clock of ``time.monotonic()``
        self._noted: dict[str, float] = {}
        self._upsets: list[float] = []
        self._cuts = 0

    def upset(self) -> None:
        """Now something has been ended that had answers in hand."""
        time.sleep(_ON_ITS_WAY)
        self._upsets.append(time.monotonic())

    def cut(self) -> None:
        """The gateway closes its connections: of a POST on its way nobody knows whether it arrived."""
        self._cuts += 1

    def look(self) -> None:
        if self._house.has("SELECT 1 FROM auzap_outbox LIMIT 1"):
            noted = self._house.rows("SELECT id FROM auzap_outbox WHERE state = 'sent'")
            now = time.monotonic()
            for row in noted:
                self._noted.setdefault(row["id"], now)

    def check(self, messages: int, contacts: int) -> Found:
        """Nothing is lost, doubled or out of order, and no attempt was used but by a refusal."""
        posts = self._gateway.log()
        self._check_rows(messages, contacts)
        taken = accepted(posts)
        replies = self._house.rows("SELECT id, state, attempts FROM auzap_outbox")
        sent = {row["id"] for row in replies if row["state"] == "sent"}
        dead = {row["id"] for row in replies if row["state"] == "failed"}
        assert len(sent) + len(dead) == messages
        assert taken.keys() - dead == sent, "lost, or answered twice under another key"
        fruitless = Counter(post.key for post in posts if not _is_answered_well(post))
        burnt = [row for row in replies if row["attempts"] > fruitless[row["id"]] + self._cuts]
        assert burnt == [], "attempts used by what was no refusal"
        assert all(fruitless[key] + self._cuts >= 3 for key in dead), "dead only what was refused three times"
        tries = self._house.rows("SELECT DISTINCT attempts n FROM auzap_inbox WHERE state = 'done'")
        assert tries == [{"n": 1}], "the handler failed nowhere"
        self._check_order(posts)
        return Found(len(sent), len(dead), self._count_again(posts))

    def _check_rows(self, messages: int, contacts: int) -> None:
        rows = self._house.rows
        for table, column in (
            ("auzap_inbox", "message_id"),
            ("messages WHERE direction = 'inbound'", "whatsapp_message_id"),
            ("trouble_notes", "message_id"),
            ("trouble_bookings", "turn_id"),
            ("ai_interactions", "message_id"),
            ("auzap_outbox", "turn_id"),
        ):
            [counted] = rows(f"SELECT count(*) n, count(DISTINCT {column}) d FROM {table}")
            assert (table, counted["n"], counted["d"]) == (table, messages, messages)
        for table in ("contacts", "conversations", "auzap_active"):
            assert (table, self._house.one(f"SELECT count(*) FROM {table}")) == (table, contacts)

    def _count_again(self, posts: Sequence[Post]) -> int:
        """Of each key; only what was not noted when something was ended, or what was not answered, is posted again."""
        of_key: dict[str, list[Post]] = defaultdict(list)
        for post in posts:
            of_key[post.key].append(post)
        again = 0
        for key, same in of_key.items():
            noted = self._noted.get(key)
            for before, after in pairwise(same):
                assert noted is None or after.t < noted, f"{key} was posted again though its answer was noted"
                if _is_answered_well(before):
                    again += 1
                    excused = any(before.t < upset < after.t + _ON_ITS_WAY for upset in self._upsets)
                    assert excused, f"{key} was posted again though nobody had died"
        return again

    @staticmethod
    def _check_order(posts: Sequence[Post]) -> None:
        by_chat = {chat: [number_of(text) for text in texts] for chat, texts in replies_by_chat(posts).items()}
        assert {chat: numbers for chat, numbers in by_chat.items() if numbers != sorted(numbers)} == {}


def _is_answered_well(post: Post) -> bool:
    return post.outcome == "accepted" and post.answered is not None
