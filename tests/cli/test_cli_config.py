"""``auzap config schema``, the file that is made by it, and what editors check with it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from auzap.cli.config import known_options
from auzap.config.load import parse
from auzap.config.models import Config, TenantConfig
from auzap.config.schema import config_schema
from auzap.model.durations import format_duration, parse_duration
from auzap.model.errors import ConfigError
from auzap.registry import Registry
from tests.support.commands import Auzap
from tests.support.distributions import importable, install
from tests.support.house import ROOT
from tests.support.markdown import Page

FILE = ROOT / "config.schema.json"
#: what the file is made for
SHIPPED = {"auzap", "auzap-aurora", "auzap-client-ai"}
TOP = "queue: sqlite:///q.db\ndatabase: sqlite:///d.db\n"


def shipped() -> dict[str, Any]:
    """The schema with the plugins that ship, whatever else is installed."""
    registry = Registry()
    plugins, channels, broken = known_options(registry)
    assert broken == []
    names = {offer.name for offer in registry.plugins() if offer.distribution in SHIPPED}
    return config_schema({name: options for name, options in plugins.items() if name in names}, channels)


def mistakes(text: str, schema: dict[str, Any] | None = None) -> list[str]:
    """As an editor sees the YAML."""
    found = Draft202012Validator(schema or shipped()).iter_errors(yaml.safe_load(text))
    return [f"{'.'.join(map(str, error.absolute_path))}: {error.message}" for error in found]


def tenant(text: str) -> str:
    return f"{TOP}tenants:\n  pet: {text}\n"


# ------------------------------------------------------------------ the file


def test_the_file_is_what_the_command_prints_for_what_ships() -> None:
    text = FILE.read_text(encoding="utf-8")
    assert json.loads(text) == shipped(), "run: auzap config schema > config.schema.json"
    assert text == json.dumps(shipped(), indent=2, ensure_ascii=False) + "\n"


def test_the_command_prints_the_schema_of_all_that_is_installed(auzap: Auzap, tmp_path: Path) -> None:
    ran = auzap.bare("config", "schema")
    assert (ran.code, ran.err) == (0, "")
    assert "plugin.scribe.options" in ran.json["$defs"]
    assert auzap.bare("config", "schema", "--json").out == ran.out
    offers = {"auzap.plugins": {"typo": "auzap_typo:Typo"}}
    install(tmp_path, "auzap-typo", "1", offers=offers, modules={"auzap_typo.py": "import auzap_nothing\n"})
    with importable(tmp_path):
        again = auzap.bare("config", "schema")
    assert (again.code, again.json) == (0, ran.json)
    assert again.err.startswith("left out plugin typo: auzap-typo 1 ")


def test_it_is_a_schema_and_every_key_of_ours_is_described() -> None:
    schema = shipped()
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    described = {**schema["properties"], **schema["$defs"]["TenantConfig"]["properties"]}
    for name, part in schema["$defs"].items():
        described |= {f"{name}.{key}": value for key, value in part.get("properties", {}).items()}
    described.pop("tenants")  # its definition is
    described.pop("defaults") if "description" in schema["properties"]["defaults"] else None
    assert [name for name, value in described.items() if "description" not in value] == []


def test_it_has_the_keys_of_the_file_and_no_others() -> None:
    schema = shipped()
    own = {"path", "base", "broken", "raw"}
    assert set(schema["properties"]) == Config.model_fields.keys() - own | {"defaults", "tenants_from"}
    assert set(schema["$defs"]["TenantConfig"]["properties"]) == TenantConfig.model_fields.keys() - {"id", "raw"}


def test_the_shipped_configuration_names_it_for_editors_and_fits_it() -> None:
    path = ROOT / "config.yaml"
    text = path.read_text(encoding="utf-8")
    assert text.startswith(f"# yaml-language-server: $schema={FILE.name}\n")
    assert mistakes(text) == []
    assert mistakes(text.replace("# main: {channel: baileys", "main2: {channel: baileys")) == []


@pytest.mark.parametrize(
    "block",
    [block for block in Page(ROOT / "README.md", ROOT).blocks if block.language == "yaml" and "tenants:" in block.text],
    ids=str,
)
def test_what_the_first_page_shows_fits_it(block: Any) -> None:
    assert mistakes(block.text) == []


# ------------------------------------------------------------------ what editors take


FINE = [
    tenant("{}"),
    TOP + "tenants_from: tenants/*.yaml\ntenants: {pet: {}}\n",
    TOP + "tenants_from: [a*.yaml, b*.yaml]\ntenants: {pet: {}}\n",
    TOP + "tenants: {pet: {}}\nworker:\nretention:\ndefaults:\n",
    TOP
    + "tenants: {pet: {}}\nworker: {concurrency: '${N:-5}', lease: 1h30m, timeout: '${T:-60s}', rate_limit: null}\n",
    TOP + "tenants: {pet: {}}\nworker: {backoff: {type: fixed, delay: 250ms}, attempts: 4}\nstale_after: 7d\n",
    "queue: sqlite:///q.db\ndatabase: {url: 'sqlite:///${DB:-d.db}', migrate: manual}\ntenants: {pet: {}}\n",
    tenant("{name: Pet, owners: ['+55 11 90000-0001', 5511900000002], only: ['11 90000-0010'], groups: true}"),
    tenant("{burst: {window: 3s, max: 15s}, groups: '${GROUPS:-false}'}"),
    tenant("{instances: {main: {channel: baileys, url: '${URL:-http://a}', token: 1234, rate_limit: null}}}"),
    tenant("{instances: {main: {channel: baileys, url: 'http://a', rate_limit: {max: 10, per: 1s}}}}"),
    tenant("{instances: {main: {token: '${T:-x}', channel: console}}}").replace(
        "{token: '${T:-x}', ", "{client: 1190000000, "
    ),
    tenant("{instances: {main: {channel: pigeon, loft: 3}}}"),
    tenant("{instances: {main: {channel: demo, script: [{client: oi}, {owner: resumo}], pause: 0s}}}"),
    tenant("{plugins: {aurora: {}, client_ai: {reply: 'Oi {text}', timeout: 5s, roles: [client]}}}"),
    tenant("{plugins: {aurora: , client_ai: false, other: {any: thing}}}"),
    tenant("{plugins: {vendas: {use: client_ai, reply: oi}, aurora: {use: other, any: thing}}}"),
    TOP + "defaults: {instances: {main: {rate_limit: null}}, timezone: America/Bahia}\n"
    "tenants: {pet: {instances: {main: {channel: console}}}}\n",
]


@pytest.mark.parametrize("text", FINE)
def test_what_auzap_takes_is_right_to_an_editor(text: str) -> None:
    assert mistakes(text) == []
    parse(text.replace("1190000000", "11900000010"), Path("config.yaml"), {})


WRONG = [
    ("queue: sqlite:///q.db\ntenants: {pet: {}}\n", "'database' is a required property"),
    (TOP, "is not valid under any of the given schemas"),
    (TOP + "tenants: {pet: {}}\nwroker: {}\n", "'wroker' was unexpected"),
    (TOP + "tenants: {pet: {}}\nstale_after: 24\n", "stale_after: 24 is not of type 'string'"),
    (TOP + "tenants: {pet: {}}\nstale_after: 1 day\n", "stale_after: '1 day' does not match"),
    (TOP + "tenants: {pet: {}}\nworker: {concurrency: 0}\n", "worker: "),
    (TOP + "tenants: {pet: {}}\nworker: {concurrency: many}\n", "worker: "),
    (TOP + "tenants: {'a b': {}}\n", "'a b' does not match"),
    (tenant("{owner: ['+55 11 90000-0001']}"), "tenants.pet: "),
    (tenant("{groups: maybe}"), "tenants.pet.groups: 'maybe' does not match"),
    (
        tenant("{instances: {main: {channel: baileys, uri: 'http://a'}}}"),
        "main: Additional properties are not allowed ('uri' was",
    ),
    (tenant("{instances: {main: {channel: baileys, url: 'http://a', timeout: 5}}}"), "main.timeout: 5 is not of type"),
    (tenant("{plugins: {client_ai: {replay: oi}}}"), "plugins.client_ai: Additional properties are not allowed"),
    (
        tenant("{plugins: {vendas: {use: client_ai, replay: oi}}}"),
        "plugins.vendas: Additional properties are not allowed",
    ),
    (tenant("{plugins: {aurora: true}}"), "plugins.aurora: True is not one of [False, None]"),
]


@pytest.mark.parametrize(("text", "told"), WRONG)
def test_what_auzap_refuses_is_marked_in_an_editor(text: str, told: str) -> None:
    assert any(told in line for line in mistakes(text)), mistakes(text)
    with pytest.raises(ConfigError):
        read(text)


def read(text: str) -> None:
    """With the options of plugins and channels, as far as they are known."""
    config, registry = parse(text, Path("config.yaml"), {}), Registry()
    for one in config.tenants.values():
        for instance in one.instances.values():
            instance.options.validate(registry.channel(instance.channel).Options)
        for entry in one.plugins.values():
            entry.options.validate(registry.plugin(entry.use).cls.Options)


def test_files_of_tenants_have_a_schema_of_their_own() -> None:
    schema = {**shipped(), "$ref": "#/$defs/tenants"}
    for key in ("properties", "required", "anyOf", "additionalProperties", "type"):
        del schema[key]
    assert mistakes("pet: {name: Pet, plugins: {aurora: {}}}\n", schema) == []
    assert mistakes("pet: {nmae: Pet}\n", schema) != []


def test_an_option_of_an_authors_own_type_takes_anything(tmp_path: Path) -> None:
    source = (
        "import auzap\nfrom typing import Any\nfrom pydantic import ConfigDict\n\nclass Word: ...\n\n"
        "class Odd(auzap.Plugin):\n    class Options(auzap.Options):\n"
        "        model_config = ConfigDict(arbitrary_types_allowed=True)\n"
        "        call: Any = print\n        word: Word | None = None\n        times: int = 3\n"
    )
    install(
        tmp_path, "auzap-odd", "1", offers={"auzap.plugins": {"odd": "auzap_odd:Odd"}}, modules={"auzap_odd.py": source}
    )
    with importable(tmp_path):
        schema = config_schema({"odd": Registry().plugin("odd").cls.Options}, {})
    assert schema["$defs"]["plugin.odd.options"]["properties"]["times"]["default"] == 3
    assert mistakes(tenant("{plugins: {odd: {call: 3, times: 4}}}"), schema) == []


@pytest.mark.parametrize("text", ["250ms", "1s", "90s", "5m", "36h", "7d", "0s", "1500ms", "0.5ms"])
def test_defaults_are_written_as_they_are_read(text: str) -> None:
    assert format_duration(parse_duration(text)) == text
