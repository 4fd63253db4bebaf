"""A normalizer that an instance names reads what arrives before the channel does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from auzap.config import Config, parse
from auzap.contract.channel import Channel
from auzap.contract.hookspecs import hookimpl
from auzap.contract.plugin import Plugin
from auzap.model.errors import BadPayload, ConfigError
from auzap.model.message import Message
from auzap.pipeline.normalize import normalize
from auzap.registry import Registry
from auzap.tenants.build import make_channel
from auzap.tenants.survey import survey
from tests.support.distributions import importable, install
from tests.support.hook_plugins import a_message, hooks_of
from tests.support.house import message

FAX = """
from auzap.contract.normalizer import Normalizer, NormalizerOptions
from auzap.model.errors import BadPayload
from tests.support.hook_plugins import a_message


class Fax(Normalizer):
    class Options(NormalizerOptions):
        word: str = "fax"

    def normalize(self, payload):
        return {
            "page": lambda: a_message(f"{self.options.word}: {payload['page']}"),
            "torn": lambda: 1 / 0,
            "blank": lambda: bad(),
            "odd": lambda: "a text",
        }.get(next(iter(payload)), lambda: None)()


def bad():
    raise BadPayload("the page is blank")


class Needy(Normalizer):
    class Options(NormalizerOptions):
        number: int
"""


@pytest.fixture(autouse=True)
def installed(tmp_path: Path) -> Iterator[None]:
    offers = {"auzap.backends": {"normalizer.fax": "norm_fax:Fax", "normalizer.needy": "norm_fax:Needy"}}
    install(tmp_path, "auzap-fax", "1", offers=offers, modules={"norm_fax.py": FAX})
    with importable(tmp_path):
        yield


def configured(written: str) -> Config:
    lines = (
        "queue: sqlite:///queue.db",
        "database: sqlite:///auzap.db",
        "tenants:",
        "  shop:",
        "    instances:",
        f"      main: {{channel: baileys, url: 'http://127.0.0.1:9', normalizer: {written}}}",
    )
    return parse("\n".join(lines), Path("config.yaml"), {})


def channel(written: str) -> Channel:
    tenant = configured(written).tenants["shop"]
    return make_channel(tenant, "main", tenant.instances["main"], Registry())


async def read(payload: Any, *plugins: type[Plugin], written: str = "fax") -> str:
    return (await normalize(hooks_of(*plugins), channel(written), payload)).text


async def test_it_is_asked_before_the_channel_and_the_channel_when_it_passes() -> None:
    assert await read({"page": "Oi"}) == "fax: Oi"
    assert await read(message("Oi!")) == "Oi!"


async def test_it_has_options() -> None:
    assert await read({"page": "Oi"}, written="{use: fax, word: página}") == "página: Oi"


async def test_the_plugins_are_asked_before_it() -> None:
    class First(Plugin):
        @hookimpl
        async def normalize_message(self, payload: Any) -> Message | None:
            return a_message("first")

    assert await read({"page": "Oi"}, First) == "first"


@pytest.mark.parametrize(
    ("payload", "told"),
    [
        ({"blank": 1}, "the page is blank"),
        ({"torn": 1}, "normalizer Fax cannot read it: ZeroDivisionError: division by zero"),
        ({"odd": 1}, "normalizer Fax made a str of it, and a Message or None is meant"),
    ],
)
async def test_what_it_cannot_read_is_no_message(payload: Any, told: str) -> None:
    with pytest.raises(BadPayload) as caught:
        await read(payload)
    assert str(caught.value) == told


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("fox", "6:71: tenants.shop.instances.main.normalizer: normalizer 'fox': not installed; did you mean fax? "),
        ("{use: fax, wort: x}", "6:82: tenants.shop.instances.main.normalizer.wort: unknown key; did you mean word?"),
        ("{word: x}", "6:71: tenants.shop.instances.main.normalizer.use: is missing: name the normalizer"),
        ("needy", "6:59: tenants.shop.instances.main.normalizer.number: is missing"),
        ("[fax]", "6:71: tenants.shop.instances.main.normalizer"),
    ],
)
def test_a_mistake_is_told_with_its_place(written: str, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        channel(written)
    assert str(caught.value).startswith(f"config.yaml:{told}")
    assert list(survey(configured(written), Registry())) == ["shop"]


def test_without_one_nothing_changes() -> None:
    assert channel("null").normalizer is None
