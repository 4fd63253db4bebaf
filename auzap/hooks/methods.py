"""The methods of a plugin that are hook implementations, or seem to be meant as such."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import CodeType, FunctionType
from typing import Any, Final
from weakref import WeakKeyDictionary

from auzap.contract.hookspecs import PROJECT
from auzap.hooks.check import EXPECTED

__all__ = ["Method", "methods_of", "names_of", "options_of", "place_of_class"]

#: pluggy's markers note their options as ``<project>_impl``
_MARK = "_impl"

#: class -> how many attributes it and its bases had, and the names that count
_known: Final[WeakKeyDictionary[type, tuple[int, frozenset[str]]]] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """One of them.

    :param place: ``file:line``.
    :param hook: the hook that it implements, or would.
    :param function: bound to the plugin.
    :param parameters: without self; None when there is not even that.
    :param takes_for_self: the name of its first parameter, which Python binds to the plugin.
    :param not_a_method: what stands in the place of a method.
    :param foreign: the project whose mark it has instead of ours.
    :param hides_async: a decorator made a plain function of an ``async def``.
    """

    name: str
    place: str
    hook: str
    function: Callable[..., Any]
    parameters: tuple[inspect.Parameter, ...] | None = ()
    takes_for_self: str = "self"
    marked: bool = True
    not_a_method: str | None = None
    foreign: str | None = None
    wraps: bool = False
    optional: bool = False
    first: bool = False
    last: bool = False
    awaits: bool = False
    generates: bool = False
    hides_async: bool = False


def names_of(plugin: object) -> frozenset[str]:
    """Attributes that are marked, or are called as a hook is. A class is looked through once: each tenant has an
    instance of it.
    """
    kind = type(plugin)
    size = sum(len(vars(base)) for base in kind.__mro__)
    known = _known.get(kind)
    if known is None or known[0] != size:
        all_of_it = {name: value for base in reversed(kind.__mro__) for name, value in vars(base).items()}
        known = _known[kind] = size, _that_count(all_of_it)
    return known[1] | _that_count(getattr(plugin, "__dict__", {}))


def _that_count(attributes: Mapping[str, object]) -> frozenset[str]:
    return frozenset(name for name, value in attributes.items() if name in EXPECTED or _is_marked(value))


def _is_marked(value: object) -> bool:
    holders = (value, getattr(value, "__func__", None)) if callable(value) else (value,)
    return any(name.endswith(_MARK) for holder in holders for name in getattr(holder, "__dict__", ()))


def methods_of(plugin: object) -> list[Method]:
    """In the order of the file."""
    found = [method for name in names_of(plugin) if (method := _method(plugin, name)) is not None]
    return sorted(found, key=lambda method: (method.place.rpartition(":")[0], _line(method)))


def options_of(plugin: object, name: str) -> dict[str, Any] | None:
    """What ``@auzap.hookimpl`` noted on a method; nothing of the plugin's is run to find it."""
    mark = f"{PROJECT}{_MARK}"
    static = inspect.getattr_static(plugin, name, None)
    for holder in (static, getattr(static, "__func__", None)):
        noted = getattr(holder, "__dict__", {}).get(mark)
        if isinstance(noted, dict):
            return noted
    return None


def place_of_class(kind: type) -> str:
    """``file:line``, as far as Python knows it."""
    try:
        return f"{inspect.getsourcefile(kind)}:{inspect.getsourcelines(kind)[1]}"
    except (OSError, TypeError):
        return kind.__module__


# ------------------------------------------------------------------ one of them


def _method(plugin: object, name: str) -> Method | None:
    static = inspect.getattr_static(plugin, name, None)
    plain = static.__func__ if isinstance(static, (staticmethod, classmethod)) else static
    if not inspect.isfunction(plain):
        return _misplaced(plugin, name, static) if name in EXPECTED and static is not None else None
    noted = options_of(plugin, name)
    foreign = _foreign_mark(static, plain) if noted is None else None
    if noted is None and foreign is None and name not in EXPECTED:
        return None
    return _described(plugin, name, static, plain, noted, foreign)


def _described(
    plugin: object,
    name: str,
    static: object,
    plain: FunctionType,
    noted: Mapping[str, Any] | None,
    foreign: str | None,
) -> Method:
    options = noted or {}
    bound = getattr(plugin, name)
    try:
        parameters = tuple(inspect.signature(bound).parameters.values())
    except (TypeError, ValueError):
        parameters = None
    inner = inspect.unwrap(plain)
    is_method = inspect.ismethod(bound) and not isinstance(static, classmethod)
    return Method(
        name=name,
        place=_place(getattr(inner, "__code__", None) or plain.__code__),
        hook=options.get("specname") or name,
        function=bound,
        parameters=parameters,
        takes_for_self=next(iter(inspect.signature(plain).parameters), "self") if is_method else "self",
        marked=noted is not None,
        foreign=foreign,
        wraps=bool(options.get("wrapper") or options.get("hookwrapper")),
        optional=bool(options.get("optionalhook")),
        first=bool(options.get("tryfirst")),
        last=bool(options.get("trylast")),
        awaits=inspect.iscoroutinefunction(plain),
        generates=inspect.isgeneratorfunction(plain) or inspect.isasyncgenfunction(plain),
        hides_async=inspect.iscoroutinefunction(inner) and not inspect.iscoroutinefunction(plain),
    )


def _misplaced(plugin: object, name: str, static: object) -> Method:
    kind = "a property" if isinstance(static, property) else type(static).__name__
    return Method(
        name=name, place=place_of_class(type(plugin)), hook=name, function=_nothing, marked=False, not_a_method=kind
    )


def _foreign_mark(*holders: object) -> str | None:
    for holder in holders:
        for attribute, noted in getattr(holder, "__dict__", {}).items():
            if attribute.endswith(_MARK) and isinstance(noted, dict) and "tryfirst" in noted:
                return str(attribute.removesuffix(_MARK))
    return None


def _place(code: CodeType) -> str:
    return f"{code.co_filename}:{code.co_firstlineno}"


def _line(method: Method) -> int:
    line = method.place.rpartition(":")[2]
    return int(line) if line.isdigit() else 0


def _nothing() -> None:
    """Stands for a method that is none."""
