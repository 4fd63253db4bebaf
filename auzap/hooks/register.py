"""One pluggy manager a tenant, which takes only plugins that are written right."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, cast

import pluggy

from auzap.contract import hookspecs
from auzap.contract.plugin import Plugin
from auzap.hooks.calls import Implementation
from auzap.hooks.methods import options_of, place_of_class
from auzap.hooks.mistakes import HOOKS, Mistake, mistakes_of
from auzap.model.errors import PluginError
from auzap.model.turn import IN_TRANSACTION

__all__ = ["RegisteredPlugin", "StrictManager"]


class RegisteredPlugin(NamedTuple):
    """A plugin's instance, and the distribution that it came with, for messages to its author."""

    plugin: Plugin
    distribution: str | None


class StrictManager(pluggy.PluginManager):
    """Plugins in the order in which they are to be asked."""

    def __init__(self) -> None:
        super().__init__(hookspecs.PROJECT)
        self.add_hookspecs(hookspecs)

    def add_all(self, plugins: Iterable[tuple[Plugin, str | None]]) -> None:
        """:raises PluginError: with the mistakes of all of them; those without mistakes are added."""
        errors = []
        for plugin, distribution in plugins:
            try:
                self.add(plugin, distribution)
            except PluginError as error:
                errors.append(error)
        if errors:
            raise PluginError("\n".join(map(str, errors))) from errors[0].__cause__

    def add(self, plugin: object, distribution: str | None) -> None:
        """Add one after those that are there.

        :raises PluginError: a line for each mistake; nothing was changed.
        """
        mistakes = mistakes_of(plugin) or self._taken(plugin)
        if mistakes:
            raise _refused(plugin, distribution, mistakes)
        name = cast("Plugin", plugin).name
        try:
            self.register(plugin, name)
        except Exception as error:
            # older versions keep what they took before they found a mistake
            self.unregister(name=name)
            raise _refused(plugin, distribution, [Mistake(place_of_class(type(plugin)), str(error))]) from error

    def implementations(self, hook: str, tenant: str, timeout: float) -> tuple[Implementation, ...]:
        """A hook's, in the order in which they are to be asked.

        :param timeout: of those whose options have none.
        """
        order = {name: place for place, (name, _) in enumerate(self.list_name_plugin())}
        found = getattr(self.hook, hook).get_hookimpls()
        found.sort(key=lambda one: (one.trylast, not one.tryfirst, order[one.plugin_name]))
        return tuple(_resolved(one, hook, tenant, timeout) for one in found)

    def parse_hookimpl_opts(self, plugin: object, name: str) -> pluggy.HookimplOpts | None:
        """As pluggy's own, the same in all its versions: no property runs, static and class methods are seen."""
        noted = options_of(plugin, name)
        if noted is None or (noted.get("specname") or name) not in HOOKS:
            return None
        return cast("pluggy.HookimplOpts", dict(noted))

    def _taken(self, plugin: object) -> list[Mistake]:
        name = cast("Plugin", plugin).name
        for taken, other in self.list_name_plugin():
            if other is plugin:
                place = place_of_class(type(plugin))
                return [Mistake(place, f"this very instance is there already, as {taken}; make another one")]
            if taken == name:
                kind = type(other)
                what = f"the name {name} is taken by {kind.__name__} ({place_of_class(kind)}); give it another one"
                return [Mistake(place_of_class(type(plugin)), what)]
        return []


def _deadline(hook: str, seconds: float) -> float:
    """A transaction keeps all others from writing: what runs in one has little time, whatever its options say."""
    return min(seconds, IN_TRANSACTION) if hook == "persist" else seconds


def _resolved(one: pluggy.HookImpl, hook: str, tenant: str, timeout: float) -> Implementation:
    options = one.plugin.options  # type: ignore[attr-defined]
    function: Any = one.function
    code = getattr(inspect.unwrap(function), "__code__", None)
    return Implementation(
        tenant=tenant,
        plugin=one.plugin_name,
        hook=hook,
        function=function,
        call=_picking(function, [HOOKS[hook].index(name) for name in one.argnames]),
        awaits=inspect.iscoroutinefunction(function),
        timeout=_deadline(hook, timeout if options.timeout is None else options.timeout),
        roles=None if options.roles is None else frozenset(options.roles),
        file=code.co_filename if code is not None else "",
    )


def _picking(function: Callable[..., Any], places: Sequence[int]) -> Callable[[tuple[object, ...]], Any]:
    """Call with some of the arguments. Every hook of every message comes through here, so the usual numbers of them
    are written out: a list would take as long as the rest of the call."""
    match places:
        case []:
            return lambda values: function()
        case [one]:
            return lambda values: function(values[one])
        case [one, two]:
            return lambda values: function(values[one], values[two])
        case _:
            return lambda values: function(*[values[place] for place in places])


def _refused(plugin: object, distribution: str | None, mistakes: list[Mistake]) -> PluginError:
    name = plugin.__name__ if isinstance(plugin, type) else getattr(plugin, "name", type(plugin).__name__)
    whose = f"plugin {name} of {distribution}" if distribution is not None else f"plugin {name}"
    return PluginError("\n".join(f"{whose}, {mistake.place}: {mistake.text}" for mistake in mistakes))
