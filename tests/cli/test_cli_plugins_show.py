"""``auzap plugins show``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.commands import Auzap
from tests.support.distributions import importable, install
from tests.support.house import House

SOURCE = '''
"""A plugin that brings all that there is."""
import auzap, click
from auzap.tables import TenantRow
from pydantic import BaseModel, Field, SecretStr
from sqlmodel import Field as Column


class Visit(TenantRow, table=True):
    __tablename__ = "zoo_visits"
    id: int | None = Column(default=None, primary_key=True)


class Specs:
    @auzap.hookspec
    async def zoo_feeds(self, animal): "Feed it."


class Gate(BaseModel):
    model_config = {"frozen": True}
    opens: auzap.Duration = Field(default=90.0, description="After which time.")


class Zoo(auzap.Plugin):
    """Tells what there is to see.

    At length.
    """

    class Options(auzap.Options):
        roles: tuple[str, ...] | None = ("client",)
        token: SecretStr = Field(default=SecretStr("hunter2"), description="The key of the gate.")
        rooms: int = Field(description="How many there are.")
        gate: Gate = Gate()
        silent: str = "yes"

    tables = (Visit,)
    hookspecs = Specs

    @auzap.hookimpl
    async def handle_message(self, message): ...

    @auzap.hookimpl(optionalhook=True)
    async def barn_closes(self, hour): ...

    @auzap.every("1h")
    async def count(self): ...

    @auzap.daily("08:05")
    async def report(self): ...


@click.command()
def zoo(): ...
'''
OFFERS = {
    "auzap.plugins": {"zoo": "auzap_zoo_show:Zoo"},
    "auzap.commands": {"zoo-count": "auzap_zoo_show:zoo"},
    "auzap.backends": {"normalizer.zoo": "auzap_zoo_show:Nobody"},
}


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The checkout has a configuration."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def zoo(tmp_path: Path) -> Iterator[Path]:
    site = tmp_path / "site"
    site.mkdir()
    install(site, "auzap-zoo", "1.2", offers=OFFERS, modules={"auzap_zoo_show.py": SOURCE})
    with importable(site):
        yield site


def test_all_that_a_plugin_brings_is_told(auzap: Auzap, zoo: Path) -> None:
    ran = auzap.bare("plugins", "show", "zoo", "--json")
    assert ran.json == {
        "name": "zoo",
        "distribution": "auzap-zoo",
        "version": "1.2",
        "entry_point": "auzap_zoo_show:Zoo",
        "summary": "Tells what there is to see.",
        "hooks": ["handle_message"],
        "foreign_hooks": ["barn_closes"],
        "hookspecs": ["zoo_feeds"],
        "options": [
            option("token", "text, secret", "**********", "The key of the gate."),
            option("rooms", "whole number", None, "How many there are."),
            option("gate.opens", "duration", "90s", "After which time."),
            option("silent", "text", "yes", None),
            option(
                "roles",
                "list of text",
                "[client]",
                "Whose messages the plugin is asked to answer, such as owner, client; null: everybody's.",
            ),
        ],
        "schedules": {"count": "every 1h", "report": "daily at 08:05"},
        "tables": ["zoo_visits"],
        "migrations": None,
        "commands": ["zoo-count"],
        "backends": ["normalizer.zoo"],
        "used_by": None,
    }
    assert "hunter2" not in ran.out + auzap.bare("plugins", "show", "zoo").out


def option(name: str, kind: str, default: str | None, meaning: str | None) -> dict[str, object]:
    return {"name": name, "type": kind, "default": default, "required": default is None, "help": meaning}


def test_people_get_lines_and_a_table(auzap: Auzap) -> None:
    ran = auzap.bare("plugins", "show", "aurora")
    lines, _, table = ran.out.partition("\n\n")
    told = dict(line.split(": ", 1) for line in lines.splitlines())
    assert told["from"].startswith("auzap-aurora ")
    assert told["used by"] == "not known: there is no configuration"
    assert "handle_message" in told["hooks"]
    assert table.startswith("Option  Type")
    assert "[owner]" in table


def test_who_uses_it_is_told_from_the_configuration(auzap: Auzap, house: House) -> None:
    for name in ("one", "two"):
        house.document["tenants"][name] = {"instances": {}, "plugins": {"zweite": {"use": "aurora"}}}
    house.write()
    told = auzap("plugins", "show", "aurora", "--json").json["used_by"]
    assert told == [{"tenant": "one", "name": "zweite"}, {"tenant": "two", "name": "zweite"}]
    assert "used by: one (as zweite), two (as zweite)\n" in auzap("plugins", "show", "aurora").out
    assert "used by: nobody\n" in auzap("plugins", "show", "client_ai").out


def test_a_configuration_that_is_named_must_be_there(auzap: Auzap, tmp_path: Path) -> None:
    ran = auzap("plugins", "show", "aurora")
    assert (ran.code, ran.err) == (2, f"auzap: {tmp_path}/config.yaml: cannot be read: No such file or directory\n")


def test_a_configuration_that_is_broken_hides_only_who_uses_it(auzap: Auzap, house: House) -> None:
    house.path.write_text("queue: 1\n")
    ran = auzap("plugins", "show", "aurora", "--json")
    assert (ran.code, ran.json["used_by"]) == (0, None)
    assert ran.err.startswith(f"who uses it cannot be told: {house.path}:")


def test_an_unknown_name_says_what_is_installed(auzap: Auzap) -> None:
    ran = auzap.bare("plugins", "show", "aurorra")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(
        "auzap: Invalid value for 'NAME': plugin 'aurorra': not installed; did you mean aurora? installed: aurora, "
    )


def test_one_that_does_not_load_says_why(auzap: Auzap, tmp_path: Path) -> None:
    (tmp_path / "bomb.py").write_text("1 / 0\n")
    ran = auzap.bare("plugins", "show", "bomb", "--plugins-dir", str(tmp_path))
    assert ran.code == 1
    assert ran.err == (
        f"auzap: plugin bomb: {tmp_path}/bomb.py does not load: ZeroDivisionError: division by zero at "
        f"{tmp_path}/bomb.py:1\n"
    )
