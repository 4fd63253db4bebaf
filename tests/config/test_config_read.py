from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings

from auzap.config.nodes import Node, find, plain
from auzap.config.read import LOADER, Loader, compose
from auzap.config.secrets import Secrets
from auzap.model.errors import ConfigError
from tests.support.yamls import yaml_texts

LOADERS: list[Loader] = [LOADER, yaml.SafeLoader]
NO_SECRETS = Secrets({}, Path())


def read(text: str, loader: Loader = LOADER) -> tuple[Node, list[str]]:
    node, mistakes = compose(text, "a.yaml", NO_SECRETS, loader=loader)
    assert node is not None
    return node, [str(mistake) for mistake in mistakes]


def values(text: str) -> Any:
    node, mistakes = read(text)
    assert mistakes == []
    return plain(node)


def fatal(text: str, loader: Loader = LOADER) -> str:
    with pytest.raises(ConfigError) as caught:
        compose(text, "a.yaml", NO_SECRETS, loader=loader)
    return str(caught.value)


def test_libyaml_is_used_where_it_is() -> None:
    assert LOADER is yaml.CSafeLoader


@pytest.mark.parametrize(
    "scalar",
    """9:00 0111 0o17 0x1F no yes on off y 1_000 1e3 .5
    2026-11-22 ~ NULL True 5511900000001 +5511900000001 1.10 = .inf""".split(),  # noqa: SIM905 - as they stand in a file
)
def test_every_scalar_is_its_text(scalar: str) -> None:
    assert values(f"a: {scalar}") == {"a": scalar}


@pytest.mark.parametrize(("scalar", "value"), [("true", True), ("false", False), ("null", None), ("", None)])
def test_only_true_false_null_and_nothing_are_resolved(scalar: str, value: object) -> None:
    assert values(f"a: {scalar}") == {"a": value}


@pytest.mark.parametrize("scalar", ["'true'", '"null"', "!!str false", "! null", "''"])
def test_quoted_or_tagged_as_text_it_is_text(scalar: str) -> None:
    assert isinstance(values(f"a: {scalar}")["a"], str)


def test_keys_are_text() -> None:
    assert values("no: 1\nnull: 2\n0111: 3\ntrue: 4") == {"no": "1", "null": "2", "0111": "3", "true": "4"}


def test_every_value_has_its_place() -> None:
    node, _ = read("a:\n  - x\n  - b: 'y'\n")
    place = find(node, ["a", 1, "b"])[0]
    assert str(place.mark) == "a.yaml:3:8"
    assert str(place.key) == "a.yaml:3:5"
    assert place.path == ("a", 1, "b")


def test_a_duplicate_key_names_both_lines() -> None:
    _, mistakes = read("a:\n  b: 1\n  c: 2\n  b: 3\n")
    assert mistakes == ["a.yaml:4:3: a.b: the key stands twice, on line 2 and on line 4; keep one of them"]


def test_anchors_aliases_and_merges() -> None:
    text = """
    base: &base {a: 1, b: 2}
    more: &more {b: 3, c: 4}
    one: {<<: *base, b: own}
    both: {<<: [*base, *more]}
    same: *base
    """
    read_values = values(text)
    assert read_values["one"] == {"b": "own", "a": "1"}
    assert read_values["both"] == {"a": "1", "b": "2", "c": "4"}
    assert read_values["same"] == {"a": "1", "b": "2"}


def test_what_came_by_an_alias_stands_where_it_was_written() -> None:
    node, _ = read("a: &x\n  k: v\nb: *x\n")
    place = find(node, ["b", "k"])[0]
    assert (str(place.mark), place.path) == ("a.yaml:2:6", ("a", "k"))


@pytest.mark.parametrize("loader", LOADERS)
@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: *x", "a.yaml:1:4: a: *x: no &x ends above it"),
        ("a: &x [*x]", "a.yaml:1:8: a[0]: *x: no &x ends above it"),
        ("a: {<<: 5}", "a.yaml:1:5: a: << takes a mapping, or a list of mappings, such as <<: *name"),
        ("? [a]\n: b", "a.yaml:1:3: a key must be text"),
        ("a: !foo x", "a.yaml:1:4: a: tags are not used here: !foo; write the value alone"),
        ("a: !!int 5", "a.yaml:1:4: a: tags are not used here: !!int; write the value alone"),
        ("a: !!python/object:os.system {}", "tags are not used here: !!python/object:os.system;"),
    ],
)
def test_what_leaves_the_rest_readable(text: str, line: str, loader: Loader) -> None:
    _, mistakes = read(f"{text}\n", loader)
    assert len(mistakes) == 1
    assert line in mistakes[0]


def test_what_is_no_yaml_says_where() -> None:
    assert fatal("a: 1\nb: c: d\n") == "a.yaml:2:5: not YAML: mapping values are not allowed in this context"
    assert fatal("a: 1\nb: \x07\n") == "a.yaml:2:4: not YAML: '\\x07' is no text"
    assert fatal("a: 1\n---\nb: 2\n") == "a.yaml:2:1: a second document begins here; a file holds one"


def test_an_unquoted_variable_in_braces_is_told_to_be_quoted() -> None:
    assert fatal("a: {b: ${TOKEN}}").endswith('inside { } and [ ] a ${…} wants quotes: "${NAME}"')


@pytest.mark.parametrize("loader", LOADERS)
@pytest.mark.parametrize("text", ["[" * 100_000, "{a: " * 100_000, "- " * 100_000, "? " * 1_000])
def test_nesting_is_bounded(text: str, loader: Loader) -> None:
    assert "nested deeper than 50 levels" in fatal(text, loader)


def test_aliases_cannot_nest_deeper_either() -> None:
    chain = "\n".join(f"k{n}: &k{n} [*k{n - 1}]" for n in range(1, 100))
    assert "nested deeper than 50 levels" in fatal(f"k0: &k0 x\n{chain}")


def test_aliases_cannot_blow_a_small_file_up() -> None:
    laughs = "\n".join(f"k{n}: &k{n} [{', '.join([f'*k{n - 1}'] * 10)}]" for n in range(1, 10))
    assert "the aliases stand for more than 100000 values" in fatal(f"k0: &k0 [x]\n{laughs}")


@pytest.mark.parametrize("text", ["", "# only a comment\n", "---\n...\n"])
def test_nothing_is_no_document_or_null(text: str) -> None:
    node, mistakes = compose(text, "a.yaml", NO_SECRETS)
    assert (plain(node) if node else None) is None
    assert mistakes == []


@settings(deadline=None)
@given(yaml_texts())
def test_any_text_gives_nodes_or_one_error(text: str) -> None:
    for loader in LOADERS:
        try:
            compose(text, "a.yaml", NO_SECRETS, loader=loader)
        except ConfigError as error:
            assert str(error).startswith("a.yaml:")  # noqa: PT017


@settings(deadline=None)
@given(yaml_texts())
def test_both_parsers_read_the_same(text: str) -> None:
    """Where both take it: the Python parser is laxer here and stricter there."""
    read_by = []
    for loader in LOADERS:
        try:
            node, mistakes = compose(text, "a.yaml", NO_SECRETS, loader=loader)
        except ConfigError:
            return
        read_by.append((plain(node) if node else None, [str(mistake) for mistake in mistakes]))
    assert read_by[0] == read_by[1]
