from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from auzap.config import parse
from auzap.config.models import Config
from auzap.model.errors import ConfigError
from tests.support.configs import FILE, TOP
from tests.support.yamls import yaml_texts

KEYS = [*Config.model_fields, "defaults", "tenants_from", "http", "pet", "name", "channel", "use", "url", "migrate"]
KEYS += ["timezone", "owners", "burst", "window", "max", "per", "groups", "only", "instances", "plugins", "<<", "a/b"]
scalars = st.sampled_from(["", "null", "true", "5", "30s", "9:00", "x", '"${A}"', '"${B}"', "[]", "{}", "sqlite:///x"])
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]"),
        st.lists(st.tuples(st.sampled_from(KEYS), inner), max_size=4).map(
            lambda pairs: f"{{{', '.join(f'{key}: {value}' for key, value in pairs)}}}"
        ),
    ),
    max_leaves=12,
)
mappings = st.lists(st.tuples(st.sampled_from(KEYS), values), max_size=8).map(
    lambda pairs: "".join(f"{key}: {value}\n" for key, value in pairs)
)


@settings(deadline=None)
@given(st.one_of(yaml_texts(), mappings), st.booleans(), st.sampled_from(["", TOP]))
def test_any_text_is_a_configuration_or_a_list_of_mistakes(text: str, tolerant: bool, top: str) -> None:
    try:
        config = parse(top + text, FILE, {"A": "hush-hush"}, tolerant=tolerant)
    except ConfigError as error:
        told = str(error)
        assert told
        assert all(line.startswith("config.yaml:") for line in told.splitlines())
    else:
        assert config.tenants or config.broken
        told = "\n".join(config.broken.values())
    assert "hush-hush" not in told
