"""The keys that a pydantic model takes, in words for people who write YAML."""

from __future__ import annotations

import types
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from auzap.model.durations import format_duration, parse_duration

__all__ = ["Field", "fields_of"]

#: what a validator makes of a text -> how a reader calls it
_TEXTS = {
    "_phone": "phone number",
    "_digits": "phone number",
    "_timezone": "time zone",
    "_queue_url": "URL",
    "_database_url": "URL",
    "_check_url": "URL",
}
_PLAIN = {bool: "`true` or `false`", int: "whole number", float: "number", str: "text", SecretStr: "text, secret"}


@dataclass(frozen=True, slots=True)
class Field:
    """One key.

    :param path: those of models inside the model behind a dot.
    :param default: as YAML writes it, a secret as stars; None: the key is required.
    :param meaning: None: its model does not say.
    """

    path: str
    type: str
    default: str | None
    meaning: str | None


def fields_of(
    model: type[BaseModel], *, whole: Collection[str] = (), skip: Collection[str] = (), prefix: str = ""
) -> Iterator[Field]:
    """The model's keys in their order.

    :param whole: paths of models inside it that get a key for themselves too.
    """
    for name, field in model.model_fields.items():
        path = f"{prefix}{field.alias or name}"
        if path in skip:
            continue
        inner = _model_in(field.annotation)
        if inner is None or path in whole:
            yield Field(path, _type(field.annotation, field.metadata), _default(field), _description(model, name))
        if inner is not None:
            yield from fields_of(inner, whole=whole, skip=skip, prefix=f"{path}.")


def _description(model: type[BaseModel], name: str) -> str | None:
    """A subclass that only changes the default need not say it again."""
    fields = (one.model_fields.get(name) for one in model.__mro__ if issubclass(one, BaseModel))
    return next((field.description for field in fields if field is not None and field.description), None)


# ------------------------------------------------------------------ types


def _type(annotation: Any, metadata: Collection[Any] = ()) -> str:
    if get_origin(annotation) is Annotated:
        annotation, *more = get_args(annotation)
        return _type(annotation, [*metadata, *more])
    if _is_union(annotation):
        return " or ".join(_type(one, metadata) for one in get_args(annotation) if one is not types.NoneType)
    functions = [getattr(one, "func", None) for one in metadata]
    if parse_duration in functions:
        return "duration"
    named = [_TEXTS[name] for one in functions if (name := getattr(one, "__name__", "")) in _TEXTS]
    if named:
        return named[0]
    if get_origin(annotation) is Literal:
        return " or ".join(f"`{choice}`" for choice in get_args(annotation))
    if get_origin(annotation) in (tuple, list, set, frozenset):
        return f"list of {_type((*get_args(annotation), Any)[0])}"
    return _PLAIN.get(annotation, "mapping") + _least(metadata)


def _least(metadata: Collection[Any]) -> str:
    bounds = [getattr(one, "ge", None) for one in metadata]
    return "".join(f", at least {bound}" for bound in bounds if bound is not None)


def _is_union(annotation: Any) -> bool:
    return get_origin(annotation) in (Union, types.UnionType)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The model that stands there itself, or that may; not the items of a list."""
    if get_origin(annotation) is Annotated or _is_union(annotation):
        found = (_model_in(one) for one in get_args(annotation))
        return next((one for one in found if one is not None), None)
    return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None


# ------------------------------------------------------------------ defaults


def _default(field: FieldInfo) -> str | None:
    default = field.get_default(call_default_factory=True)
    return (
        None if default is PydanticUndefined else _shown(default, "duration" in _type(field.annotation, field.metadata))
    )


def _shown(value: Any, is_duration: bool) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if is_duration and isinstance(value, (int, float)):
        return format_duration(value)
    if isinstance(value, (tuple, list, set, frozenset)):
        return f"[{', '.join(_shown(one, is_duration) for one in value)}]"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key}: {_shown(one, is_duration)}' for key, one in value.items())}}}"
    if isinstance(value, BaseModel):
        parts = (
            f"{name}: {_shown(getattr(value, name), 'duration' in _type(field.annotation, field.metadata))}"
            for name, field in type(value).model_fields.items()
        )
        return f"{{{', '.join(parts)}}}"
    return str(value)
