"""``auzap plugins check``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.commands import Auzap
from tests.support.distributions import importable, install
from tests.support.house import House

GOOD = """
import auzap
from pydantic import Field


class Good(auzap.Plugin):
    class Options(auzap.Options):
        word: str = Field(default="Oi", description="What it says.")

    @auzap.hookimpl
    async def handle_message(self, message):
        return auzap.Reply(self.options.word)
"""
WRONG = """
import auzap
from auzap.tables import TenantRow
from sqlmodel import Field


class Wrong(auzap.Plugin):
    class Options(auzap.Options):
        word: str = "Oi"

    migrations = "chk_wrong_migrations"

    @auzap.hookimpl
    async def handle_mesage(self, message): ...
"""
NEEDY = GOOD.replace('default="Oi", ', "").replace("Good", "Needy")
RUDE = GOOD.replace("Good", "Rude").replace("return", "1 / 0\n        return")


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """With plugins of all kinds; the checkout has a configuration."""
    monkeypatch.chdir(tmp_path)
    site = tmp_path / "site"
    site.mkdir()
    names = ("good", "wrong", "needy", "rude")
    install(
        site,
        "auzap-kinds",
        "1.2",
        offers={"auzap.plugins": {name: f"chk_{name}:{name.capitalize()}" for name in names}},
        modules={f"chk_{name}.py": source for name, source in zip(names, (GOOD, WRONG, NEEDY, RUDE), strict=True)},
    )
    with importable(site):
        yield site


def test_a_plugin_that_keeps_the_contract_is_fine(auzap: Auzap) -> None:
    ran = auzap.bare("plugins", "check", "good")
    assert (ran.code, ran.lines) == (0, [])
    assert ran.out == "good (auzap-kinds 1.2): fine; used by: not known: there is no configuration\n"


def test_all_mistakes_that_can_be_seen_are_told_with_their_lines(auzap: Auzap, elsewhere: Path) -> None:
    ran = auzap.bare("plugins", "check", "wrong", "--json")
    whose, file = "plugin wrong of auzap-kinds 1.2", elsewhere / "chk_wrong.py"
    [told] = ran.json["plugins"]
    assert (ran.code, ran.json["ok"], told["ok"], told["contract"]) == (1, False, False, False)
    hook, option, tables = told["mistakes"]
    assert hook.startswith(
        f"{whose}, {file}:13: handle_mesage implements no hook that there is (is handle_message meant?)"
    )
    assert option == f"{whose}, {file}:8: the option word does not say what it means: Field(description=…)"
    assert tables == (
        f"{whose}, {file}:7: its tables cannot be made: migrations chk_wrong_migrations: not a package with a folder "
        "versions/"
    )


def test_what_only_shows_when_it_runs_is_told_too(auzap: Auzap) -> None:
    ran = auzap.bare("plugins", "check", "rude")
    assert ran.code == 1
    assert any("ZeroDivisionError" in line for line in ran.lines)
    assert auzap.bare("plugins", "check", "rude", "--quick").code == 0


def test_where_options_are_required_it_says_what_was_left_out(auzap: Auzap) -> None:
    ran = auzap.bare("plugins", "check", "needy")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith(
        "needy (auzap-kinds 1.2): fine, as far as can be seen: its contract was left out, it needs options (word); "
    )


def test_without_a_name_all_are_looked_at_and_each_says_who_uses_it(auzap: Auzap, house: House) -> None:
    house.document["tenants"]["shop"]["plugins"] = {"good": {}, "bom": {"use": "good"}}
    house.write()
    (house.folder / "more").mkdir()
    (house.folder / "more" / "bomb.py").write_text("1 / 0\n")
    ran = auzap("plugins", "check", "--quick", "--plugins-dir", "more", "--json")
    found = {one["name"]: one for one in ran.json["plugins"]}
    assert {"aurora", "client_ai", "good", "wrong", "needy", "rude", "bomb"} <= set(found)
    assert found["good"]["used_by"] == [{"tenant": "shop", "name": "good"}, {"tenant": "shop", "name": "bom"}]
    told = "plugin bomb: more/bomb.py does not load: ZeroDivisionError: division by zero at "
    assert found["bomb"]["mistakes"] == [f"{told}{house.folder}/more/bomb.py:1"]
    assert (ran.code, found["aurora"]["ok"], found["client_ai"]["ok"]) == (1, True, True)


def test_a_command_that_is_refused_or_broken_is_its_mistake(auzap: Auzap, tmp_path: Path) -> None:
    site = tmp_path / "site"
    offers = {
        "auzap.plugins": {"kind": "chk_good:Good"},
        "auzap.commands": {"run": "chk_good:Good", "kind": "chk_good:Good", "gone": "chk_gone:gone"},
    }
    install(site, "auzap-kind", "1", offers=offers, modules={})
    ran = auzap.bare("plugins", "check", "kind", "--json")
    whose = "plugin kind of auzap-kind 1: "
    assert ran.json["plugins"][0]["mistakes"] == [
        (
            f"{whose}command gone: auzap-kind 1 (chk_gone:gone) does not load: ModuleNotFoundError: No module named "
            "'chk_gone'"
        ),
        (
            f"{whose}command kind: auzap-kind 1 (chk_good:Good) is no click.Command; write @click.command() above a "
            "function"
        ),
        f"{whose}The command run of auzap-kind 1 (chk_good:Good) is refused: auzap has one of this name.",
    ]


def test_an_unknown_name_says_what_is_installed(auzap: Auzap) -> None:
    ran = auzap.bare("plugins", "check", "good", "godd")
    assert (ran.code, ran.out) == (2, "")
    assert "plugin 'godd': not installed; did you mean good? installed: aurora, " in ran.err
