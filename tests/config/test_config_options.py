from __future__ import annotations

import pytest
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from auzap.config.options import RawOptions
from auzap.contract.channel import ChannelOptions
from auzap.contract.options import Duration, Options
from auzap.model.errors import ConfigError
from tests.support.configs import tenant_of


class Step(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    after: Duration
    text: str = Field(examples=["Oi"])


class Reminders(Options):
    steps: tuple[Step, ...] = ()
    texts: dict[str, Step] = Field(default_factory=dict)
    most: int = 3


class Posting(ChannelOptions):
    url: str | None = None
    file: str | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Posting:
        if self.url == self.file:
            raise ValueError(f"write url or file, not {self.url} and {self.file}")
        return self


def plugin(text: str, **env: str) -> RawOptions:
    return tenant_of(f"    plugins:\n      remind: {text}\n", env).tenants["pet"].plugins["remind"].options


def channel(text: str, **env: str) -> RawOptions:
    return tenant_of(f"    instances:\n      main: {text}\n", env).tenants["pet"].instances["main"].options


def mistakes(options: RawOptions, model: type[BaseModel]) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        options.validate(model)
    return str(caught.value).splitlines()


def test_a_model_of_an_upper_floor_reads_the_options() -> None:
    options = plugin("{use: reminders, timeout: 5s, steps: [{after: 1h30m, text: Oi}], most: 5}").validate(Reminders)
    assert options == Reminders(use="reminders", timeout=5.0, steps=(Step(after=5400.0, text="Oi"),), most=5)


def test_its_mistakes_name_their_places() -> None:
    options = plugin("{mots: 5, steps: [{after: 5}, {aftr: 1s, text: x}], texts: {a: {after: 1s, txt: y, text: z}}}")
    assert mistakes(options, Reminders) == [
        "config.yaml:7:16: tenants.pet.plugins.remind.mots: unknown key; did you mean most?",
        "config.yaml:7:33: tenants.pet.plugins.remind.steps[0].text: is missing; write text: Oi",
        "config.yaml:7:41: tenants.pet.plugins.remind.steps[0].after: a duration needs a unit: write 5s, 5m or 5h",
        "config.yaml:7:45: tenants.pet.plugins.remind.steps[1].after: is missing",
        "config.yaml:7:46: tenants.pet.plugins.remind.steps[1].aftr: unknown key; did you mean after?",
        "config.yaml:7:90: tenants.pet.plugins.remind.texts.a.txt: unknown key; did you mean text?",
    ]


def test_what_an_author_says_of_the_whole_stands_at_the_whole() -> None:
    assert mistakes(channel("{channel: x, url: a, file: a}"), Posting) == [
        "config.yaml:7:13: tenants.pet.instances.main: write url or file, not a and a"
    ]


def test_an_author_who_quotes_values_quotes_no_secret() -> None:
    [line] = mistakes(channel("{channel: x, url: '${U}', file: '${U}'}", U="hush"), Posting)
    assert line.endswith("write url or file, not ${U} and ${U}")


def test_a_mistake_that_only_the_secret_makes_is_told_without_words() -> None:
    [line] = mistakes(channel("{channel: x, url: '${U}', file: '${F}'}", U="hush", F="hush"), Posting)
    assert line == "config.yaml:7:13: tenants.pet.instances.main: this is not right here (value_error)"


class Coded(Options):
    code: str
    most: int = 1

    @field_validator("code")
    @classmethod
    def _known(cls, code: str) -> str:
        return {"hush": "one"}[code]


def test_an_authors_validator_may_fail_on_the_unfilled_text() -> None:
    assert mistakes(plugin("{code: '${C}', most: x}", C="hush"), Coded) == [
        "config.yaml:7:36: tenants.pet.plugins.remind.most: x should be a whole number"
    ]


def test_an_upper_floor_can_point_at_a_key() -> None:
    options = plugin("{use: vendaz}")
    assert str(options.mistake("no such plugin", "use")) == (
        "config.yaml:7:21: tenants.pet.plugins.remind.use: no such plugin"
    )
    assert str(options.mistake("will not do")) == "config.yaml:7:15: tenants.pet.plugins.remind: will not do"


def test_the_top_and_the_tenants_can_be_pointed_at_too() -> None:
    config = tenant_of("    name: Pet\n")
    assert str(config.raw.mistake("no such queue", "queue")) == "config.yaml:1:8: queue: no such queue"
    assert str(config.tenants["pet"].raw.mistake("taken", "name")) == "config.yaml:6:11: tenants.pet.name: taken"
