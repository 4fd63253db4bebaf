"""The keys that a pydantic model takes, as a reference tells of them: with an example."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from pydantic import BaseModel

from auzap.config.fields import fields_of

__all__ = ["Examples", "Key", "keys_of"]

#: key -> an example, as YAML writes it
Examples = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Key:
    path: str
    type: str
    #: as YAML writes it; None: the key is required
    default: str | None
    meaning: str
    example: str


def keys_of(model: type[BaseModel], examples: Examples, *, skip: Collection[str] = ()) -> Iterator[Key]:
    """The model's keys in their order, those of models inside it behind a dot.

    :raises KeyError: a key has no description in its model, or no example.
    """
    for field in fields_of(model, whole=examples, skip=skip):
        if not field.meaning:
            raise KeyError(f"{field.path}: its model does not say what it means: Field(description=…)")
        if field.path not in examples:
            raise KeyError(f"{field.path}: scripts/docs/examples.py has no example")
        yield Key(field.path, field.type, field.default, field.meaning, examples[field.path])
