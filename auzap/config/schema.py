"""The configuration as JSON Schema, for editors that complete and check YAML.

Made from the models. It is a little wider than they are, never narrower: an editor does not know what a tenant
inherits or what stands in a variable. ``auzap check`` tells the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import PydanticOmit, core_schema

from auzap.config.models import Config
from auzap.contract.options import Options
from auzap.model.durations import format_duration, parse_duration

__all__ = ["config_schema"]

Json: TypeAlias = dict[str, Any]

_DIALECT = GenerateJsonSchema.schema_dialect
_VARIABLE = r"\$\{"
_DURATION: Json = {
    "description": "A time with its unit.",
    "type": "string",
    "pattern": rf"^([0-9]+(\.[0-9]+)?(ms|s|m|h|d))+$|{_VARIABLE}",
    "examples": ["250ms", "30s", "5m", "1h30m", "7d"],
}
_NUMBER = rf"^-?[0-9]+(\.[0-9]+)?$|{_VARIABLE}"
_NAME: Json = {"pattern": "^[A-Za-z0-9][A-Za-z0-9._-]*$"}
#: stands for a duration until pydantic is done, which resolves references itself
_A_DURATION = "auzap:duration"
#: what the models keep beside what stands in the file
_NOT_WRITTEN = ("id", "path", "base", "broken")
_NULL: Json = {"type": "null"}


def config_schema(plugins: Mapping[str, type[BaseModel]], channels: Mapping[str, type[BaseModel]]) -> Json:
    """The schema of a configuration file; files of ``tenants_from`` are its ``#/$defs/tenants``.

    :param plugins: name -> options of those that are known; others may have any options.
    :param channels: likewise.
    """
    defs: Json = {}
    top = _model(Config, defs, "")
    properties = top["properties"]
    tenant = defs["TenantConfig"]
    del tenant["required"], defs["InstanceConfig"], defs["NormalizerEntry"], defs["PluginEntry"]
    tenant["properties"]["instances"] |= _by_name("instance")
    tenant["properties"]["plugins"] |= _by_name("plugin", named=plugins)
    defs["Database"]["required"].remove("migrate")
    defs["tenants"] = {"description": properties["tenants"]["description"], **_by_name("TenantConfig")}
    for name, options in plugins.items():
        _add_options(f"plugin.{name}.options", options, defs)
        defs[f"plugin.{name}"] = _plugin_called(name)
    for name, options in channels.items():
        _add_options(f"channel.{name}", options, defs)
    defs["plugin"] = _plugin_under_another_name(plugins)
    defs["instance"] = _instance(channels)
    properties |= {
        "database": _field("database", {"type": "string"}, _ref("Database")),
        "worker": _field("worker", _ref("WorkerConfig"), _NULL),
        "retention": _field("retention", _ref("Retention"), _NULL),
        "defaults": {"description": "What every tenant inherits.", "anyOf": [_ref("TenantConfig"), _NULL]},
        "tenants": _ref("tenants"),
        "tenants_from": {
            "description": "Files with more tenants, each a mapping of ids to tenants.",
            "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}, _NULL],
            "examples": ["tenants/*.yaml"],
        },
    }
    defs["duration"] = _DURATION
    return {
        "$schema": _DIALECT,
        "title": "auzap's configuration",
        "type": "object",
        "properties": properties,
        "required": ["queue", "database"],
        "anyOf": [{"required": ["tenants"]}, {"required": ["tenants_from"]}],
        "additionalProperties": False,
        "$defs": {name: defs[name] for name in sorted(defs)},
    }


# ------------------------------------------------------------------ models


class _Generator(GenerateJsonSchema):
    """pydantic's, for what stands in YAML: durations are texts, and each value may be a ``${…}``."""

    ignored_warning_kinds = {"skipped-choice", "non-serializable-default"}  # noqa: RUF012 - pydantic's own form

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def function_before_schema(self, schema: core_schema.BeforeValidatorFunctionSchema) -> Json:
        if schema["function"]["function"] is parse_duration:
            return {"format": _A_DURATION}
        return super().function_before_schema(schema)

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> Json:
        made = super().default_schema(schema)
        default = made.get("default")
        if isinstance(default, dict):  # a section's: its own fields tell
            del made["default"]
        elif isinstance(default, float) and made.get("format") == _A_DURATION:
            made["default"] = format_duration(default)
        return made

    def handle_invalid_for_json_schema(self, schema: Any, error_info: str) -> Json:
        return {}  # an author's own type: whatever it takes

    def is_instance_schema(self, schema: core_schema.IsInstanceSchema) -> Json:
        raise PydanticOmit  # kept by the models, not written in the file

    def int_schema(self, schema: core_schema.IntSchema) -> Json:
        return {**super().int_schema(schema), "type": ["integer", "string"], "pattern": _NUMBER}

    def float_schema(self, schema: core_schema.FloatSchema) -> Json:
        return {**super().float_schema(schema), "type": ["number", "string"], "pattern": _NUMBER}

    def bool_schema(self, schema: core_schema.BoolSchema) -> Json:
        return {"type": ["boolean", "string"], "pattern": f"^(true|false)$|{_VARIABLE}"}

    def str_schema(self, schema: core_schema.StringSchema) -> Json:
        """A number is a text to auzap; to editors it is none."""
        return {**super().str_schema(schema), "type": ["string", "number"]}

    def literal_schema(self, schema: core_schema.LiteralSchema) -> Json:
        return {"anyOf": [{"enum": list(schema["expected"])}, {"type": "string", "pattern": _VARIABLE}]}


def _model(model: type[BaseModel], defs: Json, prefix: str) -> Json:
    """A model's schema; those of the models in it go to ``defs``, their names behind a prefix."""
    made = model.model_json_schema(schema_generator=_Generator, ref_template=f"#/$defs/{prefix}{{model}}")
    inner: Json = made.pop("$defs", {})
    defs |= {prefix + name: _tidy(one) for name, one in inner.items()}
    return _tidy(made)


def _tidy(schema: Json) -> Json:
    schema.pop("title", None)
    if "description" in schema:
        schema["description"] = " ".join(schema["description"].replace("``", "`").split())
    for name in _NOT_WRITTEN:
        schema.get("properties", {}).pop(name, None)
    if "required" in schema:
        schema["required"] = [name for name in schema["required"] if name in schema["properties"]]
    tidied: Json = _tidy_values(schema)
    return tidied


def _tidy_values(part: Any) -> Any:
    if isinstance(part, list):
        return [_tidy_values(one) for one in part]
    if not isinstance(part, dict):
        return part
    if part.get("format") == _A_DURATION:
        return {**{key: part[key] for key in ("default", "description") if key in part}, **_ref("duration")}
    if part.get("format") == "password":
        part["type"] = ["string", "number"]
    return {key: _tidy_values(value) for key, value in part.items()}


# ------------------------------------------------------------------ what only channels and plugins know


def _add_options(name: str, options: type[BaseModel], defs: Json) -> None:
    """Nothing is required: it may be inherited."""
    made = _model(options, defs, f"{name}.")
    made.pop("required", None)
    for key, value in made["properties"].items():
        if "description" not in value and key in Options.model_fields:
            value["description"] = Options.model_fields[key].description
    defs[name] = made


def _instance(channels: Iterable[str]) -> Json:
    known = list(channels)
    channel = {"description": "The kind of connection.", "anyOf": [{"enum": known}, {"type": "string"}]}
    return {
        "description": "A connected number: its channel, and the channel's options.",
        "type": ["object", "null"],
        "properties": {"channel": channel},
        "allOf": [_if("channel", name, f"channel.{name}") for name in known],
    }


def _plugin_called(name: str) -> Json:
    """The value of a key that is a plugin's name; ``use`` may make it another's all the same."""
    own = {"if": {"type": "object"}, "then": _ref(f"plugin.{name}.options"), "else": {"enum": [False, None]}}
    another = {"type": "object", "properties": {"use": {"not": {"const": name}}}, "required": ["use"]}
    return {"if": another, "then": _ref("plugin"), "else": own}


def _plugin_under_another_name(plugins: Iterable[str]) -> Json:
    known = list(plugins)
    use = {"description": "The plugin's name.", "anyOf": [{"enum": known}, {"type": ["string", "null"]}]}
    return {
        "description": "A plugin's options, or false to switch it off.",
        "anyOf": [{"type": ["object", "null"], "properties": {"use": use}}, {"const": False}],
        "allOf": [_if("use", name, f"plugin.{name}.options") for name in known],
    }


# ------------------------------------------------------------------ small parts


def _ref(name: str) -> Json:
    return {"$ref": f"#/$defs/{name}"}


def _if(key: str, value: str, then: str) -> Json:
    found = {"type": "object", "properties": {key: {"const": value}}, "required": [key]}
    return {"if": found, "then": _ref(then)}


def _by_name(kind: str, named: Iterable[str] = ()) -> Json:
    """A mapping of names to what a definition describes.

    :param named: names that have a definition of their own.
    """
    own = {name: _ref(f"{kind}.{name}") for name in named}
    return {
        "type": ["object", "null"],
        "propertyNames": _NAME,
        **({"properties": own} if own else {}),
        "additionalProperties": _ref(kind),
    }


def _field(name: str, *choices: Json) -> Json:
    field = Config.model_fields[name]
    examples = {"examples": field.examples} if field.examples else {}
    return {"description": field.description, **examples, "anyOf": list(choices)}
