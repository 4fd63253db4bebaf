"""One pluggy manager a tenant, which takes only plugins that are written right."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, cast

import pluggy

from auzap.contract import hookspecs
from auzap.contract.options import Options
from auzap.contract.plugin import Plugin
from auzap.hooks.calls import Implementation
from auzap.hooks.circuit import Circuit
from auzap.hooks.methods import names_of, options_of, place_of_class
from auzap.hooks.mistakes import HOOKS, Mistake, mistakes_of
from auzap.hooks.specs import OwnSpec, own_specs, wrong_with
from auzap.model.errors import PluginError
from auzap.model.turn import IN_TRANSACTION, Turn

__all__ = ["STATE", "RegisteredPlugin", "StrictManager"]

#: the argument that is not the same for all
STATE = "state"


class RegisteredPlugin(NamedTuple):
    """A plugin's instance, and the distribution that it came with, for messages to its author."""

    plugin: Plugin
    distribution: str | None


class StrictManager(pluggy.PluginManager):
    """Plugins in the order in which they are to be asked."""

    def __init__(self) -> None:
        super().__init__(hookspecs.PROJECT)
        self.add_hookspecs(hookspecs)
        #: what the plugins specify themselves
        self._own: dict[str, OwnSpec] = {}
        #: of the plugin that is being added, the attributes that may be hook implementations
        self._names: frozenset[str] = frozenset()

    def add_all(self, plugins: Iterable[tuple[object, str | None]]) -> None:
        """:raises PluginError: with the mistakes of all of them; those without mistakes are added."""
        found = list(plugins)
        # first of all what they specify: who implements it may come before
        wrong = [self._specify(plugin) for plugin, _ in found]
        errors = []
        for (plugin, distribution), mistakes in zip(found, wrong, strict=True):
            try:
                self._add(plugin, distribution, mistakes)
            except PluginError as error:
                errors.append(error)
        if errors:
            raise PluginError("\n".join(map(str, errors))) from errors[0].__cause__

    def add(self, plugin: object, distribution: str | None) -> None:
        """Add one after those that are there.

        :raises PluginError: a line for each mistake; nothing was changed.
        """
        before = dict(self._own)
        try:
            self._add(plugin, distribution, self._specify(plugin))
        except PluginError:
            self._own = before
            raise

    def _add(self, plugin: object, distribution: str | None, wrong: Sequence[Mistake]) -> None:
        mistakes = [*wrong, *mistakes_of(plugin, self._own)] or self._taken(plugin)
        if mistakes:
            raise _refused(plugin, distribution, mistakes)
        name = cast("Plugin", plugin).name
        try:
            self.register(plugin, name)
            self._warn(plugin)
        except Exception as error:
            # older versions keep what they took before they found a mistake
            self.unregister(name=name)
            raise _refused(plugin, distribution, [Mistake(place_of_class(type(plugin)), str(error))]) from error

    def _specify(self, plugin: object) -> list[Mistake]:
        """Take what a plugin specifies itself, and tell what is wrong with it."""
        if not isinstance(plugin, Plugin) or not hasattr(plugin, "name"):
            return []  # told with everything else that is wrong
        mistakes = [Mistake(place, text) for place, text in wrong_with(plugin, HOOKS, self._own)]
        for spec in own_specs(plugin):
            if spec.hook not in HOOKS:
                self._own.setdefault(spec.hook, spec)
        return mistakes

    def _warn(self, plugin: object) -> None:
        """Of arguments that go away: as pluggy does for the hooks that it knows the specifications of."""
        for caller in self.get_hookcallers(plugin) or []:
            going = self._own[caller.name].going if caller.name in self._own else {}
            for one in caller.get_hookimpls():
                for name in one.argnames if going and one.plugin is plugin else ():
                    if name in going:
                        code = inspect.unwrap(one.function).__code__
                        warnings.warn_explicit(going[name], type(going[name]), code.co_filename, code.co_firstlineno)

    def own(self, plugin: Plugin) -> dict[str, tuple[str, ...]]:
        """The hooks that a plugin specifies, with their arguments."""
        return {spec.hook: spec.arguments for spec in own_specs(plugin)}

    def implementations(
        self, hook: str, tenant: str, timeout: float, circuits: Mapping[str, Circuit | None] | None = None
    ) -> tuple[Implementation, ...]:
        """A hook's, in the order in which they are to be asked.

        :param timeout: of those whose options have none.
        :param circuits: by the plugins' names.
        """
        order = {name: place for place, (name, _) in enumerate(self.list_name_plugin())}
        caller = getattr(self.hook, hook, None)  # nobody implements it: there is none
        found = caller.get_hookimpls() if caller is not None else []
        found.sort(key=lambda one: (one.trylast, not one.tryfirst, order[one.plugin_name]))
        arguments = HOOKS[hook] if hook in HOOKS else self._own[hook].arguments
        return tuple(
            _resolved(one, hook, arguments, tenant, timeout, (circuits or {}).get(one.plugin_name)) for one in found
        )

    def register(self, plugin: object, name: str | None = None) -> str | None:
        self._names = names_of(plugin)
        return super().register(plugin, name)

    def parse_hookimpl_opts(self, plugin: object, name: str) -> pluggy.HookimplOpts | None:
        """As pluggy's own, the same in all its versions: no property runs, static and class methods are seen."""
        noted = options_of(plugin, name) if name in self._names else None
        hook = (noted or {}).get("specname") or name
        if noted is None or (hook not in HOOKS and hook not in self._own):
            return None
        return cast("pluggy.HookimplOpts", dict(noted))

    def parse_hookspec_opts(self, module_or_class: Any, name: str) -> pluggy.HookspecOpts | None:
        """As pluggy's own, which looks at each import of the module."""
        return super().parse_hookspec_opts(module_or_class, name) if name in HOOKS else None

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


def _deadline(hook: str, options: Options, seconds: float) -> float:
    """A transaction keeps all others from writing: what runs in one has little time, whatever its options say."""
    own = options.timeouts.get(hook, options.timeout)
    seconds = seconds if own is None else own
    return min(seconds, IN_TRANSACTION) if hook == "persist" else seconds


def _resolved(
    one: pluggy.HookImpl, hook: str, arguments: Sequence[str], tenant: str, timeout: float, circuit: Circuit | None
) -> Implementation:
    options: Options = one.plugin.options  # type: ignore[attr-defined]
    function: Any = one.function
    code = getattr(inspect.unwrap(function), "__code__", None)
    return Implementation(
        tenant=tenant,
        plugin=one.plugin_name,
        hook=hook,
        function=function,
        call=_calling(function, hook, arguments, one.argnames, one.plugin_name),
        awaits=inspect.iscoroutinefunction(function),
        timeout=_deadline(hook, options, timeout),
        circuit=circuit,
        roles=None if options.roles is None else frozenset(options.roles),
        file=code.co_filename if code is not None else "",
    )


def _calling(
    function: Callable[..., Any], hook: str, arguments: Sequence[str], wanted: Sequence[str], plugin: str
) -> Callable[[tuple[object, ...]], Any]:
    """Call with those of the hook's arguments that are wanted.

    ``state`` is each plugin's own: it is made of the turn, for those alone who want it.
    """
    pick = _picking(function, [arguments.index(name) for name in wanted])
    if STATE not in wanted or hook not in HOOKS:
        return pick
    turn, last = arguments.index("turn"), arguments.index(STATE)
    assert last == len(arguments) - 1  # noqa: S101 - the contract's order: the caller gives all before it
    return lambda values: pick((*values, cast("Turn", values[turn]).states(plugin)))


def _picking(function: Callable[..., Any], places: Sequence[int]) -> Callable[[tuple[object, ...]], Any]:
    """Every hook of every message comes through here, so the usual numbers of arguments are written out: a list would
    take as long as the rest of the call."""
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
