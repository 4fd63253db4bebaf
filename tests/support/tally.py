"""Counts, after a run, what went wrong with each message: at the gateway and in the database.

Messages are told apart by their WhatsApp ids; a POST is known by its key, which is the id of the reply's row.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from tests.support.gateway import Post
from tests.support.house import House

__all__ = ["accepted", "assert_no_fault", "faults", "people_faults", "replies_by_chat"]


def assert_no_fault(house: House, posts: Sequence[Post], *, clients: Iterable[str], owners: Iterable[str] = ()) -> None:
    """Every message has one of each row and was answered once.

    :param clients: ids of the clients' messages.
    :param owners: of the owners'.
    """
    counted = faults(house, posts, clients=list(clients), owners=list(owners))
    assert {fault: how_many for fault, how_many in counted.items() if how_many} == {}


def faults(house: House, posts: Sequence[Post], *, clients: list[str], owners: list[str]) -> dict[str, int]:
    """How many messages have each fault."""
    everybody = [*clients, *owners]
    message_of_key = {
        row["id"]: row["message_id"]
        for row in house.rows(
            "SELECT o.id, i.message_id FROM auzap_outbox o JOIN auzap_inbox i ON i.id = o.turn_id AND i.id = i.turn_id"
        )
    }
    sent_keys = set(accepted(posts))
    answers = Counter(message_of_key[key] for key in sent_keys if key in message_of_key)
    inbox = _count(house, "SELECT message_id FROM auzap_inbox")
    inbound = _count(house, "SELECT whatsapp_message_id FROM messages WHERE direction = 'inbound'")
    outbound = _count(
        house,
        "SELECT i.message_id FROM messages m JOIN auzap_outbox o ON o.id = m.id JOIN auzap_inbox i ON i.id = o.turn_id"
        " WHERE m.direction = 'outbound' AND m.status = 'sent' AND m.conversation_id IS NOT NULL",
    )
    interactions = _count(house, "SELECT message_id FROM ai_interactions")
    return {
        "not answered": sum(answers[id_] == 0 for id_ in everybody),
        "answered more than once": sum(answers[id_] > 1 for id_ in everybody),
        "posted though there is no row for it": len(sent_keys - set(message_of_key)),
        "posts in all, too many": max(0, len(sent_keys) - len(everybody)),
        "inbox rows not one": _not_one(inbox, everybody),
        "inbound rows not one": _not_one(inbound, clients),
        "outbound rows not one": _not_one(outbound, clients),
        "interactions not one": _not_one(interactions, clients),
        "inbound rows of others": sum((inbound - Counter(clients)).values()),
        "outbound rows without conversation": house.one(
            "SELECT count(*) FROM messages WHERE direction = 'outbound' AND conversation_id IS NULL"
        ),
        "owners' rows, too many or too few": abs(
            house.one("SELECT count(*) FROM aurora_proactive_messages") - len(owners)
        ),
        "turns not finished": house.one("SELECT count(*) FROM auzap_inbox WHERE state <> 'done'"),
    }


def people_faults(house: House, people: int) -> dict[str, int]:
    """How far contacts and conversations are from one for each of so many people."""
    one = house.one
    counted = {
        "contacts": one("SELECT count(*) FROM contacts") - people,
        "conversations": one("SELECT count(*) FROM conversations") - people,
        "active conversations": one("SELECT count(*) FROM auzap_active") - people,
        "contacts with one phone": one(
            "SELECT count(*) FROM (SELECT 1 FROM contacts GROUP BY organization_id, phone HAVING count(*) > 1) twice"
        ),
        "contacts with more than one conversation": one(
            "SELECT count(*) FROM (SELECT 1 FROM conversations GROUP BY contact_id HAVING count(*) > 1) twice"
        ),
        "identities of nobody": one(
            "SELECT count(*) FROM contact_identities i"
            " WHERE NOT EXISTS (SELECT 1 FROM contacts c WHERE c.id = i.contact_id)"
        ),
        "contacts without an identity": one(
            "SELECT count(*) FROM contacts c"
            " WHERE NOT EXISTS (SELECT 1 FROM contact_identities i WHERE i.contact_id = c.id)"
        ),
        "active conversations of nobody": one(
            "SELECT count(*) FROM auzap_active a WHERE NOT EXISTS (SELECT 1 FROM conversations c"
            " WHERE c.id = a.conversation_id AND c.contact_id = a.contact_id AND c.status = 'active')"
        ),
    }
    return {fault: how_many for fault, how_many in counted.items() if how_many}


def accepted(posts: Iterable[Post]) -> dict[str, list[Post]]:
    """The POSTs that the gateway took, by their keys."""
    by_key: dict[str, list[Post]] = defaultdict(list)
    for post in posts:
        if post.outcome == "accepted":
            by_key[post.key].append(post)
    return by_key


def replies_by_chat(posts: Iterable[Post]) -> dict[str, list[str]]:
    """Texts as they arrived, each key once."""
    by_chat: dict[str, list[str]] = defaultdict(list)
    for same in accepted(posts).values():
        by_chat[same[0].to].append(same[0].text)
    return by_chat


def _count(house: House, sql: str) -> Counter[str]:
    return Counter(next(iter(row.values())) for row in house.rows(sql))


def _not_one(counted: Counter[str], ids: Iterable[str]) -> int:
    return sum(counted[id_] != 1 for id_ in ids)
