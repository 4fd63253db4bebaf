"""The command line where the queue is on a Redis server."""

from __future__ import annotations

import json

from tests.support.commands import Auzap
from tests.support.house import House, job, message
from tests.support.redis_server import redis_server, url_for


def test_check_online_tells_what_the_server_gives_and_warns_of_what_it_may_lose(house: House, auzap: Auzap) -> None:
    house.document["queue"] = url_for(house.folder)  # nothing of it is on disk
    house.write()
    auzap("db", "upgrade")
    assert auzap("check", "--json").json["queue_facts"] == []
    ran = auzap("check", "--online")
    assert ran.code == 0
    assert "queue: Redis " in ran.out
    assert "queue: no file on disk" in ran.out
    assert "warning: queue: a restart of Redis loses all: set appendonly yes\n" in ran.out
    told = auzap("check", "--online", "--json").json
    assert told["ok"]
    assert "0 waiting, 0 delayed, 0 leased, 0 dead" in told["queue"]
    assert told["queue_facts"]
    assert told["warnings"] == ["queue: a restart of Redis loses all: set appendonly yes"]


def test_check_online_warns_of_a_redis_that_throws_keys_away(house: House, auzap: Auzap) -> None:
    options = {"appendonly": "yes", "appendfsync": "always", "maxmemory": "64mb", "maxmemory_policy": "allkeys-lru"}
    warning = "Redis throws keys away when its memory is full (allkeys-lru): set maxmemory-policy noeviction"
    with redis_server(house.folder / "redis", as_sentinel=False, **options) as server:
        house.document["queue"] = server.url
        house.write()
        auzap("db", "upgrade")
        ran = auzap("check", "--online")
        assert ran.code == 0
        assert f"warning: queue: {warning}\n" in ran.out
        assert auzap("check", "--online", "--json").json["warnings"] == [f"queue: {warning}"]


def test_a_redis_that_is_away_is_a_mistake_only_when_it_is_asked(house: House, auzap: Auzap) -> None:
    house.document["queue"] = "redis://:geheim@127.0.0.1:1/0"
    house.write()
    assert auzap("check").code == 0
    ran = auzap("check", "--online")
    assert ran.code == 1
    assert "127.0.0.1:1" in ran.err
    assert "geheim" not in ran.out + ran.err


def test_commands_work_as_they_do_with_a_file(house: House, auzap: Auzap) -> None:
    house.document["queue"] = url_for(house.folder)
    house.document["worker"]["attempts"] = 1
    house.write()
    lines = house.folder / "jobs.jsonl"
    lines.write_text("".join(f"{json.dumps(job(one))}\n" for one in (message("!raise"), {"key": "none"})))
    assert auzap("enqueue", str(lines), "--json").json == {"accepted": 1, "duplicates": 0, "refused": 1}
    assert auzap("send", "--to", "5511900000011", "--instance", "main", "--wait", "0s", "Olá").code == 0
    assert auzap("queue", "stats").json == {"waiting": 2, "delayed": 0, "leased": 0, "dead": 0}
    assert auzap("run", "--drain", "--json").code == 0
    (dead,) = auzap("dead", "list", "--json").json
    assert auzap("dead", "show", dead["id"], "--json").json["stage"] == "handle"
    assert auzap("dead", "retry", dead["id"]).code == 0
    assert auzap("queue", "stats").json == {"waiting": 1, "delayed": 0, "leased": 0, "dead": 0}
