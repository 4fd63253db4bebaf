"""Hooks that a plugin specifies itself, to be asked by it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from auzap.hooks.calls import Implementation

__all__ = ["Ask", "Own", "OwnHook"]

#: ask one, with the arguments in the order of the hook, and check what it says
Ask = Callable[[Implementation, tuple[object, ...], Callable[[object], Any]], Awaitable[Any]]
#: its arguments, and who implements it
OwnHook = tuple[tuple[str, ...], Sequence[Implementation]]


class Own:
    """One plugin's way to those who implement its hooks.

    It is made before the plugin, and so before the others: ``bind`` tells who they are.
    """

    def __init__(self, plugin: str) -> None:
        self._plugin = plugin
        self._ask: Ask | None = None
        self._hooks: Mapping[str, OwnHook] = {}

    def bind(self, hooks: Mapping[str, OwnHook], ask: Ask) -> None:
        self._hooks = hooks
        self._ask = ask

    async def all(self, hook: str, /, **arguments: Any) -> list[Any]:
        ask, asked, values = self._resolve(hook, arguments)
        said = []
        for one in asked:
            value = await ask(one, values, _as_it_is)
            if value is not None:
                said.append(value)
        return said

    async def first(self, hook: str, /, **arguments: Any) -> Any:
        ask, asked, values = self._resolve(hook, arguments)
        for one in asked:
            value = await ask(one, values, _as_it_is)
            if value is not None:
                return value
        return None

    def _resolve(self, hook: str, given: dict[str, Any]) -> tuple[Ask, Sequence[Implementation], tuple[object, ...]]:
        """:raises ValueError: there is no such hook, or it has other arguments."""
        if self._ask is None:
            raise RuntimeError(f"plugin {self._plugin}: nobody is there yet: ask in hooks, schedules and lifespan")
        if hook not in self._hooks:
            there_are = ", ".join(self._hooks) or "none"
            raise ValueError(f"plugin {self._plugin} specifies no hook {hook}; it specifies {there_are}")
        names, asked = self._hooks[hook]
        if given.keys() != set(names):
            missing, unknown = [one for one in names if one not in given], [one for one in given if one not in names]
            wrong = [f"without {', '.join(missing)}"] if missing else []
            wrong += [f"with {', '.join(unknown)}"] if unknown else []
            takes = ", ".join(names) or "nothing"
            raise ValueError(f"plugin {self._plugin}: {hook} is asked {' and '.join(wrong)}; it takes {takes}")
        return self._ask, asked, tuple(given[name] for name in names)


def _as_it_is(value: object) -> object:
    """What is said is between the plugins."""
    return value
