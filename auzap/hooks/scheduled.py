"""Methods that run by the clock, called as hooks are."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from auzap.contract.plugin import Plugin
from auzap.contract.schedules import schedules_of
from auzap.hooks.ask import Asking
from auzap.hooks.calls import Implementation
from auzap.hooks.check import check_nothing
from auzap.hooks.circuit import Circuit

__all__ = ["Scheduled"]


class Scheduled:
    """Those of one tenant.

    A method that keeps failing is left alone for a while by itself: nobody who writes to the business has to wait for
    it. But while its plugin is left alone, so is the method.

    :param plugins: by name, with what leaves each of them alone.
    :param timeout: seconds, as ``TenantHooks`` has it.
    """

    def __init__(
        self,
        tenant: str,
        plugins: Mapping[str, tuple[Plugin, Circuit | None]],
        asking: Asking,
        *,
        timeout: float,
        now: Callable[[], float],
    ) -> None:
        self._tenant = tenant
        self._plugins = plugins
        self._asking = asking
        self._timeout = timeout
        self._now = now
        self._methods: dict[tuple[str, str], Implementation] = {}

    def find(self, plugin: str, method: str) -> Implementation | None:
        found = self._methods.get((plugin, method))
        if found is None and plugin in self._plugins:
            instance, _ = self._plugins[plugin]
            if method in schedules_of(type(instance)):
                found = self._methods[plugin, method] = self._resolved(instance, method)
        return found

    async def run(self, plugin: str, method: str) -> None:
        """:raises LookupError: there is none."""
        one = self.find(plugin, method)
        if one is None:
            raise LookupError(f"plugin {plugin} has no method {method} that runs by the clock")
        _, circuit = self._plugins[plugin]
        if circuit is not None and circuit.failures:
            circuit.expect()
        await self._asking.ask(one, (), check_nothing)

    def _resolved(self, plugin: Plugin, method: str) -> Implementation:
        options = plugin.options
        own, breaker = options.timeouts.get(method, options.timeout), options.breaker
        function: Any = getattr(plugin, method)
        code = getattr(inspect.unwrap(function), "__code__", None)
        return Implementation(
            tenant=self._tenant,
            plugin=plugin.name,
            hook=method,
            function=function,
            call=lambda _: function(),
            awaits=True,
            timeout=self._timeout if own is None else own,
            circuit=Circuit(self._tenant, plugin.name, most=breaker.failures, pause=breaker.pause, now=self._now)
            if breaker is not None
            else None,
            roles=None,
            file=code.co_filename if code is not None else "",
        )
