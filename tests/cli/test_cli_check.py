"""``auzap check``."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.commands import Auzap, place
from tests.support.distributions import importable, install
from tests.support.house import ROOT, House

FINE = "tenant shop: plugins in order: trouble\nThe configuration is fine.\n"


def test_what_is_right_is_said_so_with_each_tenants_plugins_in_order(
    house: House, auzap: Auzap, tmp_path: Path
) -> None:
    house.document["defaults"] = {"plugins": {"scribe": {}, "trouble": {}}}
    house.document["tenants"]["salon"] = {"instances": {"main": {"channel": "console"}}, "plugins": {"doorman": {}}}
    house.write()
    ran = auzap("check")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == (
        "tenant shop: plugins in order: trouble, scribe\n"
        "tenant salon: plugins in order: doorman, scribe, trouble\n"
        "The configuration is fine.\n"
    )
    order = {"shop": ["trouble", "scribe"], "salon": ["doorman", "scribe", "trouble"]}
    assert auzap("check", "--json").json == {"ok": True, "mistakes": [], "plugins": order}


def test_nothing_is_made_or_written(tmp_path: Path, auzap: Auzap) -> None:
    house = House(tmp_path, "http://127.0.0.1:1", queue="sqlite:///data/queue.db", database="sqlite:///data/auzap.db")
    assert auzap("check").out == FINE
    assert house.auzap("check").stdout == FINE
    assert [path.name for path in tmp_path.iterdir()] == ["config.yaml"]


def test_a_database_in_use_is_looked_at_and_left_as_it_is(house: House, auzap: Auzap) -> None:
    assert auzap("db", "upgrade").code == 0
    before = (house.folder / "auzap.db").read_bytes()
    with closing(sqlite3.connect(house.folder / "auzap.db")) as writer:
        writer.execute("BEGIN IMMEDIATE")
        assert auzap("check").out == FINE
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

    house.document["worker"]["drain"] = "2s"
    house.write()
    ran = auzap("check")
    where = place(house.path, "many")
    bakery = f"{where}: tenants.bakery.plugins.scribe.replies: many should be a whole number"
    assert (ran.code, ran.out, ran.lines) == (1, "tenant shop: plugins in order: trouble\n", [salon, bakery])
    ran = auzap("check", "--json")
    assert ran.code == 1
    assert ran.json == {"ok": False, "mistakes": [salon, bakery], "plugins": {"shop": ["trouble"]}}


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
    assert ran.out == "tenant petshop: plugins in order: aurora, client_ai\nThe configuration is fine.\n"


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
