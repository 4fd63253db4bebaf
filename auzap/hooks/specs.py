"""The hooks that plugins specify themselves."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import FunctionType, ModuleType
from typing import Any

from auzap.contract.hookspecs import PROJECT
from auzap.contract.plugin import Plugin
from auzap.hooks.methods import place_of_class

__all__ = ["OwnSpec", "is_holder", "own_specs", "wrong_with"]

#: what ``@auzap.hookspec`` notes on a function
_MARK = f"{PROJECT}_spec"


@dataclass(frozen=True, slots=True)
class OwnSpec:
    """
    :param plugin: the name of the one that specifies it.
    :param place: ``file:line``.
    :param parameters: without self.
    """

    hook: str
    plugin: str
    place: str
    function: Callable[..., Any]
    parameters: tuple[inspect.Parameter, ...]

    @property
    def arguments(self) -> tuple[str, ...]:
        return tuple(one.name for one in self.parameters)

    @property
    def going(self) -> Mapping[str, Warning]:
        """The arguments that go away one day -> what to write instead."""
        return self.function.__dict__[_MARK].get("warn_on_impl_args") or {}


def is_holder(holder: object) -> bool:
    return isinstance(holder, (type, ModuleType))


def own_specs(plugin: Plugin) -> list[OwnSpec]:
    """Those of one plugin, by name; nothing of it is run to find them."""
    holder = inspect.getattr_static(type(plugin), "hookspecs", None)
    return [spec for name in dir(holder) if (spec := _spec(plugin, holder, name))] if is_holder(holder) else []


def _spec(plugin: Plugin, holder: object, name: str) -> OwnSpec | None:
    static = inspect.getattr_static(holder, name, None)
    plain = static.__func__ if isinstance(static, (staticmethod, classmethod)) else static
    if not isinstance(plain, FunctionType) or _MARK not in plain.__dict__:
        return None
    parameters = tuple(inspect.signature(plain).parameters.values())
    if isinstance(static, classmethod) or (isinstance(holder, type) and parameters and parameters[0].name == "self"):
        parameters = parameters[1:]
    code = plain.__code__
    return OwnSpec(name, plugin.name, f"{code.co_filename}:{code.co_firstlineno}", plain, parameters)


def wrong_with(plugin: Plugin, hooks: Mapping[str, object], taken: Mapping[str, OwnSpec]) -> Iterator[tuple[str, str]]:
    """Each mistake in what it specifies: where, and in words.

    :param hooks: the framework's.
    :param taken: what other plugins of the tenant specify.
    """
    kind = type(plugin)
    holder = inspect.getattr_static(kind, "hookspecs", None)
    if holder is None:
        return
    specs = own_specs(plugin)
    if not is_holder(holder):
        yield place_of_class(kind), f"hookspecs is {type(holder).__name__}; a class or a module is meant"
    elif not specs:
        yield place_of_class(kind), "hookspecs has no function that is marked with @auzap.hookspec"
    for spec in specs:
        for text in _of_spec(spec, hooks, taken.get(spec.hook)):
            yield spec.place, f"{spec.hook} {text}"


def _of_spec(spec: OwnSpec, hooks: Mapping[str, object], other: OwnSpec | None) -> Iterator[str]:
    if spec.hook in hooks:
        yield "is a hook of the framework's; name it otherwise"
    elif other is not None and other.function is not spec.function:
        yield f"is specified by plugin {other.plugin} already ({other.place}); name it otherwise"
    if not inspect.iscoroutinefunction(spec.function):
        yield "must be written with async def, as all that implement it"
    for one in spec.parameters:
        if one.kind not in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD):
            yield f"has an argument {one.name} that is not plain; name each, without stars"
        elif one.default is not one.empty:
            yield f"has a default for {one.name}, which is always given; write it without the default"
