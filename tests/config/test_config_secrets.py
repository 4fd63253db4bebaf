from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from auzap.config import parse
from auzap.config.secrets import Secrets
from auzap.contract.channel import ChannelOptions
from auzap.model.errors import ConfigError
from tests.support.configs import FILE, TOP, config_of, mistakes_of, tenant_of

SECRET = "kq7Zp0Vw"


def expand(text: str, **env: str) -> str:
    return Secrets(env, Path()).expand(text)


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ("${A}", "x"),
        ("http://u:${A}@h/${A}", "http://u:x@h/x"),
        ("${A:-y}", "x"),
        ("${B:-y}", "y"),
        ("${B:-}", ""),
        ("${EMPTY}", ""),
        ("${EMPTY:-y}", "y"),
        ("$${A}", "${A}"),
        ("$$$${A}", "$${A}"),
        ("R$ 50", "R$ 50"),
        ("$A", "$A"),
        ("100$", "100$"),
    ],
)
def test_what_stands_for_what(text: str, expanded: str) -> None:
    assert expand(text, A="x", EMPTY="") == expanded


def test_what_a_variable_holds_is_not_expanded_again() -> None:
    assert expand("${A}", A="${B}$$") == "${B}$$"


@pytest.mark.parametrize("text", ["${A", "${}", "${a b}", "${A:+x}", "${1A}", "${ A }"])
def test_what_is_not_understood_says_what_is(text: str) -> None:
    with pytest.raises(ValueError, match=r"write \$\{NAME\}"):
        expand(text)


def test_a_file_is_read_without_its_last_line_end(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("first\nsecond\n")
    assert Secrets({}, tmp_path).expand("${file:token}") == "first\nsecond"
    assert Secrets({}, Path()).expand(f"${{file:{tmp_path}/token}}") == "first\nsecond"


@pytest.mark.parametrize("name", ["missing", "folder", "bytes", "a\0b"])
def test_a_file_that_is_no_text_is_told(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "bytes").write_bytes(b"\xff")
    with pytest.raises(ValueError, match="the file"):
        Secrets({}, tmp_path).expand(f"${{file:{name}}}")


def test_a_missing_variable_names_itself_and_its_place() -> None:
    assert mistakes_of("tenants:\n  pet:\n    name: ${PET_NAME}\n") == [
        "config.yaml:6:11: tenants.pet.name: the variable PET_NAME is not set; set it, or write ${PET_NAME:-default}"
    ]


@pytest.mark.parametrize("text", ["stale_after: ${NONE}", "worker: ${NONE}", "queue: *none", "defaults: ${file:none}"])
def test_what_could_not_be_filled_in_is_told_once(text: str) -> None:
    top = [line for line in TOP.splitlines() if line.split(":")[0] != text.split(":")[0]]
    with pytest.raises(ConfigError) as caught:
        parse("\n".join([*top, text, "tenants: {pet: {}}"]), FILE, {})
    assert len(str(caught.value).splitlines()) == 1


def test_a_missing_file_names_itself_and_its_place() -> None:
    line = mistakes_of("tenants:\n  pet:\n    name: ${file:none}\n")
    assert line == [
        "config.yaml:6:11: tenants.pet.name: the file none of ${file:…} cannot be read: No such file or directory"
    ]


def test_what_is_filled_in_is_text_whatever_it_looks_like() -> None:
    config = tenant_of("    name: ${A}\n    groups: ${B}\n", {"A": "null", "B": "true"})
    assert (config.tenants["pet"].name, config.tenants["pet"].groups) == ("null", True)


def test_keys_and_quoted_dollars_are_left_alone() -> None:
    config = tenant_of('    instances: {main: {channel: demo, "${A}": "$$5"}}\n')
    assert config.tenants["pet"].instances["main"].options.values == {"channel": "demo", "${A}": "$5"}


# ------------------------------------------------------------------ never printed

PLACES = [
    "worker: {concurrency: '${S}'}",
    "worker: {lease: '${S}'}",
    "worker: {backoff: {type: '${S}'}}",
    "worker: '${S}'",
    "stale_after: '${S}'",
    "database: 'x${S}'",
    "queue: 'x${S}'",
    "http: '${S}'",
    "retention: ['${S}']",
    "tenants_from: '${S}'",
    "defaults: '${S}'",
    "defaults: {timezone: 'America/${S}'}",
    "tenants: '${S}'",
    "tenants: {pet: '${S}'}",
    "tenants: {pet: {owners: ['${S}']}}",
    "tenants: {pet: {owners: '${S}'}}",
    "tenants: {pet: {burst: {window: '${S}'}}}",
    "tenants: {pet: {burst: {window: ['${S}']}}}",
    "tenants: {pet: {groups: '${S}'}}",
    "tenants: {pet: {nonsense: '${S}'}}",
    "tenants: {pet: {instances: {main: '${S}'}}}",
    "tenants: {pet: {instances: {main: {channel: ['${S}']}}}}",
    "tenants: {pet: {plugins: {echo: '${S}'}}}",
    "tenants: {pet: {plugins: {echo: {use: ['${S}']}}}}",
    "a: '${S}': b",
]


@pytest.mark.parametrize("place", PLACES)
def test_no_mistake_tells_a_secret(place: str) -> None:
    lines = [
        line for line in f"{TOP}tenants: {{pet: {{}}}}\n".splitlines() if line.split(":")[0] != place.split(":")[0]
    ]
    with pytest.raises(ConfigError) as caught:
        parse("\n".join([*lines, place]), FILE, {"S": SECRET})
    assert SECRET not in str(caught.value)
    assert caught.value.__context__ is None
    assert caught.value.__cause__ is None


def test_a_mistake_shows_what_is_written_instead() -> None:
    line = mistakes_of("worker: {concurrency: '${N}', lease: '${L}'}\ntenants: {pet: {}}\n", {"N": "many", "L": "30"})
    assert line == [
        "config.yaml:4:23: worker.concurrency: ${N} should be a whole number",
        "config.yaml:4:38: worker.lease: not a duration: '${L}'; write it like 250ms, 30s, 5m, 1h30m or 7d",
    ]


@settings(deadline=None)
@given(st.text(st.characters(codec="utf-8", categories=["L", "N"]), max_size=20).map("hush-{}".format))
def test_no_repr_tells_a_secret(secret: str) -> None:
    text = """
    worker: {lease: "${T}s", concurrency: "${T}"}
    retention: {inbox: "${T}d"}
    defaults: {name: "${S}"}
    tenants:
      pet:
        owners: ["+551190000${T}"]
        only: ["+551190000${T}"]
        instances: {main: {channel: "${S}", token: "${S}"}}
        plugins: {echo: {use: "${S}", prefix: ["${S}"]}}
    """
    top = 'queue: "sqlite:///${S}"\ndatabase: {url: "postgresql://u:${T}@h/db", password: "${S}"}\n'
    number = "8713"
    config = parse(top + text.replace("\n    ", "\n"), FILE, {"S": secret, "T": number})
    pet = config.tenants["pet"]
    main, echo = pet.instances["main"], pet.plugins["echo"]
    assert main.options.values["token"] == secret
    shown = [
        config,
        config.database,
        config.worker,
        config.retention,
        config.raw,
        pet,
        pet.raw,
        main,
        main.options,
        echo,
    ]
    for value in shown:
        for text in (repr(value), str(value)):
            assert secret not in text
            assert number not in text


class Posting(ChannelOptions):
    url: str
    token: SecretStr


def test_options_that_a_channel_refuses_tell_no_secret() -> None:
    config = tenant_of('    instances: {main: {channel: x, tokn: "${S}", url: ["${S}"]}}\n', {"S": SECRET})
    with pytest.raises(ConfigError) as caught:
        config.tenants["pet"].instances["main"].options.validate(Posting)
    assert SECRET not in str(caught.value)


def test_the_process_has_the_variables_when_none_are_given(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    assert parse(f"{TOP}tenants: {{pet: {{name: '${{PATH}}'}}}}", path).tenants["pet"].name
    assert config_of("tenants: {pet: {name: '${PATH:-none}'}}").tenants["pet"].name == "none"
