"""Whether what a method says it returns is what its hook may return."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any

from auzap.hooks.check import Expected

__all__ = ["wrong_return"]

_NOTHING = type(None)
#: says nothing that could be wrong
_OPEN = (Any, typing.NoReturn, typing.Never)


def wrong_return(function: Callable[..., object], expected: Expected, *, awaits: bool) -> str | None:
    """The return annotation as it is written, if it promises something that the hook must not return.

    None: it is right, there is none, or it cannot be resolved (a name imported for type checkers only).
    """
    function = inspect.unwrap(function)
    try:
        written = function.__annotations__["return"]
        holder = types.SimpleNamespace(__annotations__={"return": written})
        returned = typing.get_type_hints(holder, globalns=getattr(function, "__globals__", {}))["return"]
    except Exception:  # noqa: BLE001 - an annotation is code of the plugin's author, and may raise anything
        return None
    if not awaits and typing.get_origin(returned) in (Awaitable, Coroutine):
        returned = typing.get_args(returned)[-1]
    if _fits(returned, expected):
        return None
    return written if isinstance(written, str) else inspect.formatannotation(written)


def _fits(annotation: Any, expected: Expected) -> bool:
    if annotation is None or annotation is _NOTHING or annotation in _OPEN:
        return True
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Union, types.UnionType):
        return all(_fits(arg, expected) for arg in args)
    if origin is typing.Literal:
        return all(_fits(type(arg), expected) for arg in args)
    if isinstance(origin, type):
        return _is_sequence(origin, expected) and all(_is_item(arg, expected) for arg in args)
    if isinstance(annotation, type):
        return issubclass(annotation, expected.types) or _is_sequence(annotation, expected)
    return True


def _is_sequence(kind: type, expected: Expected) -> bool:
    return expected.item is not None and issubclass(kind, Sequence) and not issubclass(kind, (str, bytes, bytearray))


def _is_item(annotation: Any, expected: Expected) -> bool:
    if annotation is ... or annotation in _OPEN or expected.item is None:
        return True
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return all(_is_item(arg, expected) for arg in typing.get_args(annotation))
    if annotation is _NOTHING:
        return False
    return not isinstance(annotation, type) or issubclass(annotation, expected.item)
