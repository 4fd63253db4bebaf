"""What is wrong with a plugin, in words for its author."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from types import MappingProxyType
from typing import Final

from auzap.contract import hookspecs
from auzap.contract.options import Options
from auzap.contract.plugin import Plugin
from auzap.contract.schedules import schedules_of
from auzap.hooks.annotations import wrong_return
from auzap.hooks.check import EXPECTED
from auzap.hooks.methods import Method, methods_of, place_of_class
from auzap.hooks.specs import OwnSpec, own_specs

__all__ = ["HOOKS", "Mistake", "mistakes_of", "or_list"]

#: hook -> the names of its arguments, in order
HOOKS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {name: tuple(inspect.signature(getattr(hookspecs, name)).parameters) for name in EXPECTED}
)

#: those that may be written with plain ``def``
_PLAIN: Final = frozenset({"classify_sender", "handle_message", "handle_event"})


@dataclass(frozen=True, slots=True)
class Mistake:
    """
    :param place: ``file:line``.
    """

    place: str
    text: str


_NONE: Final[Mapping[str, OwnSpec]] = MappingProxyType({})


def mistakes_of(plugin: object, own: Mapping[str, OwnSpec] = _NONE) -> list[Mistake]:
    """All of them, in the order of the file.

    :param own: the hooks that plugins of the tenant specify, this one among them.
    """
    if isinstance(plugin, type):
        what = f"{plugin.__name__} is a class, and an instance of it is meant: {plugin.__name__}(options, …)"
        return [Mistake(place_of_class(plugin), what)]
    kind = type(plugin)
    if not isinstance(plugin, Plugin):
        return [Mistake(place_of_class(kind), f"{kind.__name__} is no subclass of auzap.Plugin")]
    missing = [name for name in ("name", "options", "tenant", "services") if not hasattr(plugin, name)]
    if missing:
        what = (
            f"its __init__ does not set self.{missing[0]}: call super().__init__(options, name=…, tenant=…, services=…)"
        )
        return [Mistake(place_of_class(kind), what)]
    found = []
    if not isinstance(plugin.options, Options):
        what = f"self.options is {type(plugin.options).__name__}, and an instance of its class Options is meant"
        found.append(Mistake(place_of_class(kind), what))
    methods = methods_of(plugin)
    for method in methods:
        found += [Mistake(method.place, f"{method.name} {text}") for text in _of_method(method, plugin, own)]
    return found + _twice(methods, own) + _of_timeouts(plugin, methods, own)


def or_list(names: Sequence[str]) -> str:
    return ", ".join(names) if names else "none"


# ------------------------------------------------------------------ one method


def _of_method(method: Method, plugin: Plugin, own: Mapping[str, OwnSpec]) -> Iterator[str]:
    marked = _of_marks(method)
    if marked is not None:
        yield marked
    elif method.hook in HOOKS:
        yield from _of_framework(method)
    elif method.hook in own:
        spec = own[method.hook]
        if not method.optional and method.hook not in {one.hook for one in own_specs(plugin)}:
            yield (
                f"implements a hook of plugin {spec.plugin}: mark it with @auzap.hookimpl(optionalhook=True), so that "
                "it may be there without that one"
            )
        yield from _of_kind(method)
        yield from _of_arguments(method, spec.arguments)
    elif not method.optional:
        yield f"implements no hook that there is{_meant(method.hook, HOOKS)}; there are {or_list(list(HOOKS))}"


def _of_framework(method: Method) -> Iterator[str]:
    yield from _of_kind(method)
    yield from _of_arguments(method, HOOKS[method.hook])
    expected = EXPECTED[method.hook]
    returned = wrong_return(method.function, expected, awaits=method.awaits)
    if returned is not None:
        yield f"is annotated to return {returned}; right would be {expected.words}"


def _of_marks(method: Method) -> str | None:
    if method.not_a_method is not None:
        return f"is {method.not_a_method}; this is the name of a hook, and only a method can be one"
    if method.foreign is not None:
        return f"is marked with the hookimpl of {method.foreign}; mark it with @auzap.hookimpl"
    if not method.marked:
        return "has the name of a hook, but is not marked: write @auzap.hookimpl above it, or name it otherwise"
    if method.wraps:
        return "is marked as a wrapper, and there are none here; change replies in review_replies"
    if method.first and method.last:
        return "is marked tryfirst and trylast; choose one"
    return None


def _of_kind(method: Method) -> Iterator[str]:
    if method.generates:
        yield "is a generator (it has a yield); return what it answers instead, several replies as a list"
    elif not method.awaits and method.hook not in _PLAIN:
        hidden = ", and so must what a decorator makes of it" if method.hides_async else ""
        yield f"must be written with async def{hidden}; plain def is for {or_list(sorted(_PLAIN))}"


def _of_arguments(method: Method, there_are: tuple[str, ...]) -> Iterator[str]:
    listed = f"there are {or_list(there_are)}"
    if method.parameters is None:
        yield "has no self: write it as its first argument"
        return
    if method.takes_for_self in there_are:
        yield f"takes {method.takes_for_self} for self: write self as its first argument"
    for one in method.parameters:
        if one.kind is one.VAR_POSITIONAL or one.kind is one.VAR_KEYWORD:
            stars = "*" if one.kind is one.VAR_POSITIONAL else "**"
            yield f"takes {stars}{one.name}; name the arguments that it wants: {listed}"
        elif one.name not in there_are:
            yield f"has an unknown argument {one.name}{_meant(one.name, there_are)}; {listed}"
        elif one.kind is one.KEYWORD_ONLY:
            yield f"has a keyword-only argument {one.name}; write it without the * before it"
        elif one.default is not one.empty:
            yield f"has a default for {one.name}, which is always given; write it without the default"


def _meant(name: str, names: Sequence[str] | Mapping[str, object]) -> str:
    near = get_close_matches(name, list(names), n=1)
    return f" (is {near[0]} meant?)" if near else ""


def _of_timeouts(plugin: Plugin, methods: Sequence[Method], own: Mapping[str, OwnSpec]) -> list[Mistake]:
    """What the tenant's YAML says: told here, because only here all hooks are known."""
    named = getattr(plugin.options, "timeouts", ())
    if not named:
        return []
    kind = type(plugin)
    known = [*HOOKS, *own, *schedules_of(kind)]
    for_others = {method.hook for method in methods if method.optional}
    return [
        Mistake(
            place_of_class(kind),
            f"its option timeouts names {name}, which is no hook{_meant(name, known)}; there are {or_list(known)}",
        )
        for name in named
        if name not in known and name not in for_others
    ]


def _twice(methods: Sequence[Method], own: Mapping[str, OwnSpec]) -> list[Mistake]:
    first: dict[str, Method] = {}
    found = []
    for method in methods:
        if not method.marked or (method.hook not in HOOKS and method.hook not in own):
            continue
        before = first.setdefault(method.hook, method)
        if before is not method:
            what = f"{method.name} implements {method.hook} a second time, after {before.name}; one method a hook"
            found.append(Mistake(method.place, what))
    return found
