from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auzap.config import Config, load
from auzap.config.models import TenantConfig
from auzap.model.errors import ConfigError
from tests.support.configs import TOP, config_of, mistakes_of


def pet(text: str) -> TenantConfig:
    return config_of(text).tenants["pet"]


# ------------------------------------------------------------------ what a tenant inherits


def test_a_tenant_inherits_what_it_does_not_say() -> None:
    config = config_of(
        """
defaults: {timezone: Europe/Lisbon, groups: true, burst: {window: 1s}}
tenants: {a: {}, b: {timezone: America/Bahia, groups: false, burst: null}}
"""
    )
    a, b = config.tenants["a"], config.tenants["b"]
    assert (a.timezone, a.groups, a.burst and a.burst.window) == ("Europe/Lisbon", True, 1.0)
    assert (b.timezone, b.groups, b.burst) == ("America/Bahia", False, None)


def test_its_own_plugins_come_first_and_then_the_defaults_it_does_not_name() -> None:
    tenant = pet(
        """
defaults: {plugins: {client_ai: {}, faq: {}, hours: {}}}
tenants: {pet: {plugins: {vendas: {use: faq}, hours: {}, aurora: {}}}}
"""
    )
    assert [(name, entry.use) for name, entry in tenant.plugins.items()] == [
        ("vendas", "faq"),
        ("hours", "hours"),
        ("aurora", "aurora"),
        ("client_ai", "client_ai"),
        ("faq", "faq"),
    ]


def test_false_switches_a_plugin_off() -> None:
    text = "defaults: {plugins: {a: {}, b: {}, c: false}}\ntenants: {pet: {plugins: {a: false, d: false, c: {}}}}"
    assert list(pet(text).plugins) == ["c", "b"]


def test_options_of_one_name_are_joined_key_by_key_and_the_tenant_wins() -> None:
    tenant = pet(
        """
defaults:
  plugins: {faq: {file: all.yaml, top: 3, words: {a: 1, b: 2}}}
  instances: {main: {channel: baileys, url: "http://127.0.0.1:3000", timeout: 10s}}
tenants: {pet: {plugins: {faq: {file: own.yaml, words: {a: 5}}}, instances: {main: {timeout: 5s}}}}
"""
    )
    assert tenant.plugins["faq"].options.values == {"file": "own.yaml", "top": "3", "words": {"a": "5"}}
    assert tenant.instances["main"].channel == "baileys"
    assert tenant.instances["main"].options.values["timeout"] == "5s"


def test_a_plugin_with_nothing_behind_it_has_no_options_of_its_own() -> None:
    text = "defaults:\n  plugins:\n    faq: {top: 3}\n    hours:\ntenants:\n  pet:\n    plugins:\n      faq:\n"
    plugins = pet(text).plugins
    assert plugins["faq"].options.values == {"top": "3"}
    assert plugins["hours"].options.values == {}


names = st.lists(st.sampled_from("abcdef"), unique=True)


@settings(deadline=None)
@given(own=names, inherited=names, off=names)
def test_the_order_of_plugins_is_own_then_inherited(own: list[str], inherited: list[str], off: list[str]) -> None:
    def section(which: list[str]) -> str:
        return ", ".join(f"{name}: {{}}" for name in which)

    switched = [name for name in off if name not in own]
    mine = ", ".join(filter(None, [section(own), ", ".join(f"{name}: false" for name in switched)]))
    tenant = pet(f"defaults: {{plugins: {{{section(inherited)}}}}}\ntenants: {{pet: {{plugins: {{{mine}}}}}}}")
    assert list(tenant.plugins) == own + [name for name in inherited if name not in own and name not in switched]


def test_a_mistake_in_the_defaults_is_told_once_and_where_it_stands() -> None:
    lines = mistakes_of("defaults: {timezone: Nowhere/X, plugins: {a: 5}}\ntenants: {a: {}, b: {}, c: {}}")
    assert [line.split(": ")[:2] for line in lines] == [
        ["config.yaml:4:22", "defaults.timezone"],
        ["config.yaml:4:46", "defaults.plugins.a"],
    ]


def test_tenants_that_say_the_same_are_equal() -> None:
    one, other = "tenants: {pet: {plugins: {a: {x: 1}}}}", "tenants:\n  pet:\n    plugins: {a: {x: 1}}"
    assert pet(one) == pet(other)
    assert pet(one) != pet(one.replace("x: 1", "x: 2"))


# ------------------------------------------------------------------ several files


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / f"{name.replace('__', '/')}.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return folder / "config.yaml"


def load_all(folder: Path, config: str, **files: str) -> Config:
    return load(write(folder, config=TOP + config, **files), {})


def mistakes(folder: Path, config: str, **files: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_all(folder, config, **files)
    return str(caught.value).replace(f"{folder}/", "").splitlines()


def test_tenants_stand_in_files_of_their_own_too(tmp_path: Path) -> None:
    config = load_all(
        tmp_path,
        "defaults: {timezone: Europe/Lisbon}\ntenants: {pet: {}}\ntenants_from: [tenants/*.yaml, more.yaml, m*.yaml]\n",
        tenants__b="bia: {}\n",
        tenants__a="ana: {timezone: America/Bahia}\nari: {}\n",
        more="zoe: {}\n",
    )
    assert list(config.tenants) == ["pet", "ana", "ari", "bia", "zoe"]
    assert config.tenants["ana"].timezone == "America/Bahia"
    assert config.tenants["bia"].timezone == "Europe/Lisbon"


def test_the_file_itself_is_none_of_its_tenants_files(tmp_path: Path) -> None:
    assert list(load_all(tmp_path, "tenants_from: '*.yaml'\n", other="ana: {}").tenants) == ["ana"]


def test_secrets_in_a_tenants_file_are_relative_to_the_main_file(tmp_path: Path) -> None:
    (tmp_path / "name").write_text("Pet Shop Centro")
    config = load_all(tmp_path, "tenants_from: t/*.yaml", t__a="pet: {name: '${file:name}'}")
    assert config.tenants["pet"].name == "Pet Shop Centro"


def test_a_mistake_names_the_tenants_file(tmp_path: Path) -> None:
    assert mistakes(tmp_path, "tenants_from: t/*.yaml", t__a="pet:\n  groups: x\n") == [
        "t/a.yaml:2:11: pet.groups: x should be true or false"
    ]


def test_mistakes_are_told_file_by_file_the_main_one_first(tmp_path: Path) -> None:
    lines = mistakes(
        tmp_path,
        "stale_after: 5\ntenants: {pet: {x: 1}}\ntenants_from: t/*.yaml\n",
        t__a="ana: {x: 1}\nari: {x: 1}\n",
        t__b="- x",
    )
    places = [line.partition(": ")[0].rpartition(":")[0] for line in lines]
    assert places == ["config.yaml:4", "config.yaml:5", "t/a.yaml:1", "t/a.yaml:2", "t/b.yaml:1"]


def test_the_same_tenant_twice_names_both_places(tmp_path: Path) -> None:
    lines = mistakes(tmp_path, "tenants: {pet: {}}\ntenants_from: t/*.yaml", t__a="pet: {}\n")
    assert lines == [
        "t/a.yaml:1:1: pet: the tenant stands twice, in config.yaml:4:11 and in t/a.yaml:1:1; keep one of them"
    ]


@pytest.mark.parametrize("text", ["", "# nothing\n", "{}", "---\n"])
def test_an_empty_file_is_a_mistake(tmp_path: Path, text: str) -> None:
    assert (
        "t/a.yaml:1:1: the file is empty: it should map ids to tenants"
        in mistakes(tmp_path, "tenants: {pet: {}}\ntenants_from: t/*.yaml", t__a=text)[0]
    )
    (tmp_path / "config.yaml").write_text(text)
    with pytest.raises(ConfigError, match="the file is empty: it should have the keys queue, database and tenants"):
        load(tmp_path / "config.yaml", {})


@pytest.mark.parametrize("config", ["", "tenants:\n", "tenants: {}\n", "tenants_from: t/*.yaml\n"])
def test_no_tenant_at_all_is_a_mistake(tmp_path: Path, config: str) -> None:
    [line] = mistakes(tmp_path, config)
    assert "tenants: there is no tenant; it should map ids to tenants" in line


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none.yaml: cannot be read: No such file or directory$"):
        load(tmp_path / "none.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"a: b\nname: Ot\xe1vio\n")
    with pytest.raises(ConfigError, match=r"latin.yaml:2:9: not UTF-8: save the file as UTF-8$"):
        load(tmp_path / "latin.yaml")


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(f"{TOP}tenants: {{pet: {{}}}}", encoding="utf-8-sig")
    assert list(load(tmp_path / "config.yaml", {}).tenants) == ["pet"]


# ------------------------------------------------------------------ tolerant


def test_a_broken_tenant_is_left_out_and_told(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        config=TOP + "tenants: {pet: {}, bad: {groups: x}, unset: {name: '${NONE}'}}\ntenants_from: t/*.yaml\n",
        t__a="ana: {}\nwrong: {nam: x}\n",
        t__b="not: [yaml\n",
        t__c="",
        t__d="pet: {}\n",
    )
    config = load(path, {}, tolerant=True)
    assert list(config.tenants) == ["ana"]
    told = {name.replace(f"{tmp_path}/", ""): text.replace(f"{tmp_path}/", "") for name, text in config.broken.items()}
    assert set(told) == {"pet", "bad", "unset", "wrong", "t/b.yaml", "t/c.yaml"}
    assert told["bad"] == "config.yaml:4:34: tenants.bad.groups: x should be true or false"
    assert "the variable NONE is not set" in told["unset"]
    assert told["wrong"].startswith("t/a.yaml:2:9: wrong.nam: unknown key")
    assert told["t/b.yaml"].startswith("t/b.yaml:2:1: not YAML:")


@pytest.mark.parametrize(
    "config",
    ["worker: {x: 1}\ntenants: {pet: {}}", "defaults: {groups: x}\ntenants: {pet: {}}", "tenants: [", "tenants:"],
)
def test_a_broken_top_level_raises_all_the_same(config: str) -> None:
    with pytest.raises(ConfigError):
        config_of(config, tolerant=True)


def test_what_is_wrong_beside_the_tenants_of_a_file_is_told_of_the_file(tmp_path: Path) -> None:
    path = write(tmp_path, config=f"{TOP}tenants_from: t/*.yaml", t__a="? [x]\n: y\nana: {}\n")
    config = load(path, {}, tolerant=True)
    assert list(config.tenants) == ["ana"]
    assert config.broken == {f"{tmp_path}/t/a.yaml": f"{tmp_path}/t/a.yaml:1:3: a key must be text"}


def test_a_duplicate_tenant_key_breaks_that_tenant_alone() -> None:
    config = config_of("tenants:\n  a: {}\n  b: {}\n  a: {}\n", tolerant=True)
    assert list(config.tenants) == ["b"]
    assert "on line 5 and on line 7" in config.broken["a"]


def test_a_broken_tenant_still_counts_for_the_slots() -> None:
    config = config_of("worker: {concurrency: 1}\ntenants: {a: {}, b: {x: 1}}", tolerant=True)
    assert config.worker.concurrency == 2
