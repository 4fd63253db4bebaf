"""``auzap plugins list``."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.commands import Auzap
from tests.support.distributions import importable, install
from tests.support.tty import on_a_terminal

KEYS = ["name", "distribution", "version", "entry_point", "hooks", "options", "loads", "error"]


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """A folder with a plugin that loads, and one that does not."""
    source = (
        "import auzap\n\nclass Greeter(auzap.Plugin):\n    class Options(auzap.Options):\n        words: str = 'oi'\n\n"
        "    @auzap.hookimpl\n    async def review_replies(self, replies): ...\n\n"
        "    @auzap.hookimpl(specname='handle_message')\n    async def answer(self, message): ...\n"
    )
    offers = {"greeter": "auzap_greeter:Greeter", "typo": "auzap_typo:Typo"}
    modules = {"auzap_greeter.py": source, "auzap_typo.py": "import auzap\n\nclass Typo(auzap.Plugni): ...\n"}
    install(tmp_path, "auzap-greeter", "1.2", offers={"auzap.plugins": offers}, modules=modules)
    return tmp_path


def test_each_plugin_is_told_with_distribution_hooks_and_options(auzap: Auzap, broken: Path) -> None:
    with importable(broken):
        found = {one["name"]: one for one in auzap.bare("plugins", "list", "--json").json["plugins"]}
    assert list(found["greeter"]) == KEYS
    assert found["greeter"] == {
        "name": "greeter",
        "distribution": "auzap-greeter",
        "version": "1.2",
        "entry_point": "auzap_greeter:Greeter",
        "hooks": ["handle_message", "review_replies"],
        "options": ["words"],
        "loads": True,
        "error": None,
    }
    assert {"aurora", "client_ai"} <= set(found)


def test_one_that_does_not_load_says_why_in_one_line_and_stops_no_other(auzap: Auzap, broken: Path) -> None:
    with importable(broken):
        ran = auzap.bare("plugins", "list")
        found = {one["name"]: one for one in auzap.bare("plugins", "list", "--json").json["plugins"]}
    told = (
        "plugin typo: auzap-greeter 1.2 (auzap_typo:Typo) does not load: AttributeError: module 'auzap' has no "
        f"attribute 'Plugni' at {broken}/auzap_typo.py:3"
    )
    assert (ran.code, ran.err) == (0, f"{told}\n")
    assert (found["typo"]["loads"], found["typo"]["error"], found["typo"]["hooks"]) == (False, told, [])
    rows = {line.split()[0]: line for line in ran.out.splitlines() if line}
    assert rows["typo"].split() == ["typo", "auzap-greeter", "1.2", "-", "-", "no"]
    assert rows["greeter"].endswith("words  yes") or rows["greeter"].split()[-2:] == ["words", "yes"]


def test_without_a_terminal_the_columns_are_aligned(auzap: Auzap) -> None:
    ran = auzap.bare("plugins", "list")
    plugins, _, backends = ran.out.partition("\n\n")
    for table in (plugins, backends):
        heading, *rows = table.splitlines()
        place = heading.index("Distribution")
        assert all(row[place - 1] == " " and row[place] != " " for row in rows)
        assert ran.out.isascii()
    assert backends.startswith("Backend ")


def test_queues_and_channels_are_told_too(auzap: Auzap) -> None:
    backends = {(one["kind"], one["name"]): one for one in auzap.bare("plugins", "list", "--json").json["backends"]}
    assert {("queue", "sqlite"), ("channel", "baileys"), ("channel", "console"), ("channel", "demo")} <= set(backends)
    assert backends["channel", "baileys"]["options"] == ["url", "token", "timeout"]
    assert all(one["loads"] for one in backends.values())


def test_on_a_terminal_it_is_a_table_that_fits(tmp_path: Path) -> None:
    with on_a_terminal("plugins", "list", folder=tmp_path, columns=80) as screen:
        assert screen.end() == 0
    lines = screen.text[screen.text.index("Plugin ") :].splitlines()  # below what told how far it was
    assert max(map(len, lines)) <= 80
    assert set(lines[1]) == {"─"}
    assert [line.split()[0] for line in lines if line.startswith(("aurora", "channel.b"))] == [
        "aurora",
        "channel.baileys",
    ]
