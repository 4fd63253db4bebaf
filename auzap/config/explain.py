"""pydantic's errors, told as mistakes in a file."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from typing import Any, TypeAlias, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from auzap.config.nodes import Mistake, Node, find, harmless, plain, shown

__all__ = ["check", "nearest", "unknown_key"]

M = TypeVar("M", bound=BaseModel)
_Loc: TypeAlias = "tuple[int | str, ...]"

_WANTED = {
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "dict_type": "a mapping, such as {key: value}",
    "float_parsing": "a number",
    "float_type": "a number",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "int_type": "a whole number",
    "list_type": "a list, such as [a, b]",
    "mapping_type": "a mapping, such as {key: value}",
    "model_attributes_type": "a mapping, such as {key: value}",
    "model_type": "a mapping, such as {key: value}",
    "string_type": "text (in quotes, if it is the word true, false or null)",
    "tuple_type": "a list, such as [a, b]",
}


def check(
    model: type[M],
    node: Node,
    mistakes: list[Mistake],
    *,
    given: Mapping[str, Any] | None = None,
    keys: Set[str] | None = None,
) -> M | None:
    """The model that ``node`` describes, or None and why not in ``mistakes``.

    :param given: fields with values from elsewhere.
    :param keys: what may stand in the file when that is not the model's fields.
    """
    if not isinstance(node.value, dict):
        mistakes.append(Mistake(node.mark, node.path, f"should be {_WANTED['model_type']}"))
        return None
    before = len(mistakes)
    if keys is not None:
        mistakes.extend(unknown_key(node, key, keys) for key in node.value if key not in keys)
    fields = node.value.keys() if keys is None else keys & model.model_fields.keys()
    given = given or {}
    mine = {key: child for key, child in node.value.items() if key in fields and key not in given}
    try:
        made = model.model_validate({**{key: plain(child) for key, child in mine.items()}, **given})
    except ValidationError as error:
        details = error.errors(include_url=False)
    else:
        return made if len(mistakes) == before else None
    texts = _texts(model, {**{key: harmless(child) for key, child in mine.items()}, **given})
    mistakes.extend(_mistake(model, node, detail, texts) for detail in details if not find(node, detail["loc"])[0].told)
    return None


def unknown_key(node: Node, key: str, known: Iterable[str]) -> Mistake:
    """A key of ``node`` that means nothing."""
    child = find(node, [key])[0]
    known = sorted(known)
    guess = nearest(key, known)
    right = f"did you mean {guess}?" if guess else f"known here: {', '.join(known)}"
    return Mistake(child.key or child.mark, (*node.path, key), f"unknown key; {right}")


def nearest(word: str, words: Iterable[str], *, likeness: float = 0.6) -> str | None:
    """The one of ``words`` that was probably meant."""
    found = difflib.get_close_matches(word, list(words), n=1, cutoff=likeness)
    return found[0] if found else None


def _texts(model: type[BaseModel], values: dict[str, Any]) -> dict[_Loc, str]:
    """What the model says of values in which each secret is still its ``${…}``: messages quote what they are about."""
    try:
        model.model_validate(values)
    except ValidationError as error:
        return {detail["loc"]: _text(detail) for detail in error.errors(include_url=False)}
    except Exception:  # noqa: BLE001 - an author's validator met a text that is none of its values
        return {}
    return {}


def _text(detail: ErrorDetails) -> str:
    error = detail.get("ctx", {}).get("error")
    text = str(error) if isinstance(error, Exception) else detail["msg"]
    return shown(text.removeprefix("Input ").removeprefix("Value "), limit=300)


def _mistake(model: type[BaseModel], root: Node, detail: ErrorDetails, texts: Mapping[_Loc, str]) -> Mistake:
    node, rest = find(root, detail["loc"])
    *above, key = detail["loc"] or ("",)
    if detail["type"] == "extra_forbidden":
        return unknown_key(find(root, above)[0], str(key), _keys(_model_at(model, above)))
    if detail["type"] == "missing":
        field = _field(_model_at(model, above), key)
        example = f"; write {key}: {field.examples[0]}" if field is not None and field.examples else ""
        return Mistake(node.key or node.mark, (*node.path, *rest), f"is missing{example}")
    return Mistake(node.mark, node.path, _wrong(node, detail, texts))


def _wrong(node: Node, detail: ErrorDetails, texts: Mapping[_Loc, str]) -> str:
    kind = detail["type"]
    given = shown(node.written or node.value) if isinstance(node.value, str) else ""
    if kind in _WANTED:
        subject = f"{given} " if given and kind.endswith("_parsing") else ""
        return f"{subject}should be {_WANTED[kind]}"
    if kind in ("literal_error", "enum") and given:
        return _not_a_choice(given, str(detail.get("ctx", {}).get("expected", "")))
    return texts.get(detail["loc"]) or f"{given or 'this'} is not right here ({kind})"


def _not_a_choice(given: str, expected: str) -> str:
    """:param expected: pydantic's list of the choices: ``'auto' or 'manual'``."""
    choices = expected.replace(" or ", ", ").replace("'", "")
    guess = nearest(given, choices.split(", "))
    return f"{given} is none of: {choices}" + (f"; did you mean {guess}?" if guess else "")


# ------------------------------------------------------------------ a model's keys


def _keys(model: type[BaseModel] | None) -> set[str]:
    return {field.alias or name for name, field in model.model_fields.items()} if model is not None else set()


def _model_at(model: type[BaseModel], path: Sequence[str | int]) -> type[BaseModel] | None:
    current: type[BaseModel] | None = model
    for part in path:
        field = _field(current, part)
        if field is not None:
            current = next(_models_in(field.annotation), None)
    return current


def _field(model: type[BaseModel] | None, key: str | int) -> FieldInfo | None:
    fields = model.model_fields.items() if model is not None else ()
    return next((field for name, field in fields if key == (field.alias or name)), None)


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models in ``X | None``, ``Mapping[str, X]``, ``Annotated[X, …]``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument)
