"""A new configuration for a worker that goes on: each tenant by itself, and what cannot be taken changes nothing.

Read → compare → look at what is new → switch → build the tenants that run, one by one, and close what they were.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import anyio
import anyio.to_thread

from auzap.config import Config, Memory, Seen, load
from auzap.config.models import TenantConfig
from auzap.contract.queue import Queue
from auzap.logs import get_logger
from auzap.model.errors import AuzapError, ConfigError
from auzap.pipeline.work import Parts
from auzap.registry import Registry
from auzap.tenants.away import TenantRefused
from auzap.tenants.survey import Surveyor
from auzap.tenants.tenants import Tenants
from auzap.worker.new_tables import NewTables
from auzap.worker.plan import Plan, compared, merged
from auzap.worker.settings import settings_of

__all__ = ["Swap", "Swapper"]

log = get_logger("auzap.swap")

#: tenants that are built at the same time, and seconds from one to the next: the turns come first
_AT_ONCE, _APART = 50, 0.005
#: names in a line of the log
_NAMED = 5
_LEFT = "left to the next swap"


@dataclass(frozen=True, slots=True, kw_only=True)
class Swap:
    """What became of a configuration that was read.

    :param refused: what stays as it is -> why: a tenant, a file of tenants, the file itself.
    :param settings: keys of the top that took effect.
    :param restart: keys of the top that take effect with the next start.
    :param superseded: it was not finished, because it was read again: what is left is the next one's.
    """

    changed: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    refused: Mapping[str, str] = field(default_factory=dict)
    settings: tuple[str, ...] = ()
    restart: tuple[str, ...] = ()
    seconds: float = 0.0
    superseded: bool = False

    def followed_by(self, other: Swap, seconds: float) -> Swap:
        """The two as one.

        :param seconds: that both took.
        """
        return replace(
            other,
            changed=_both(self.changed, other.changed),
            added=_both(self.added, other.added),
            removed=_both(self.removed, other.removed),
            settings=_both(self.settings, other.settings),
            seconds=round(seconds, 3),
        )

    def as_json(self) -> dict[str, Any]:
        return {
            "changed": list(self.changed),
            "added": list(self.added),
            "removed": list(self.removed),
            "refused": dict(self.refused),
            "settings": list(self.settings),
            "restart": list(self.restart),
            "seconds": self.seconds,
        }


class Swapper:
    """Reads the configuration again when it is asked to: once at a time, and only the last asking counts.

    :param seen: what the one that holds was read from.
    :param memory: of what was read.
    """

    def __init__(
        self,
        tenants: Tenants,
        *,
        registry: Registry,
        queue: Queue,
        parts: Parts,
        new_tables: NewTables,
        seen: Seen,
        memory: Memory,
    ) -> None:
        self._tenants = tenants
        self._registry = registry
        self._queue = queue
        self._parts = parts
        self._patience = parts.patience
        self._new_tables = new_tables
        #: what was read last, whether or not it was taken
        self.seen = seen
        self._memory = memory
        #: whose configuration was refused when nothing of them ran: it is not worth keeping
        self._refused: frozenset[str] = frozenset()
        self._asked = anyio.Event()
        self._askers: list[_Asker] = []
        self._readers: list[Callable[[], None]] = []
        self._takers: list[Callable[[], None]] = []
        #: waits for tenants that take their time; cancelled when it is asked for again
        self._building = anyio.CancelScope()

    def ask(self) -> None:
        """Have it read soon."""
        self._building.cancel()
        self._asked.set()

    async def swap(self) -> Swap:
        """Have it read, and wait for what becomes of it."""
        asker = _Asker()
        self._askers.append(asker)
        self.ask()
        await asker.told.wait()
        return asker.swap

    def when_read(self, tell: Callable[[], None]) -> None:
        """Tell whenever it was read, and ``seen`` is another one."""
        self._readers.append(tell)

    def when_taken(self, tell: Callable[[], None]) -> None:
        """Tell whenever another configuration holds."""
        self._takers.append(tell)

    async def run(self) -> None:
        """Until cancelled."""
        before, began = Swap(), time.monotonic()
        while True:
            await self._asked.wait()
            self._asked = anyio.Event()
            askers, self._askers = self._askers, []
            self._building = anyio.CancelScope()
            began = began if before.superseded else time.monotonic()
            swap = before.followed_by(await self._swap_or_tell(), time.monotonic() - began)
            if swap.superseded:
                self._askers += askers
                before = swap
                continue
            before = Swap()
            _tell(swap)
            for asker in askers:
                asker.swap = swap
                asker.told.set()

    # ------------------------------------------------------------------ one swap

    async def _swap_or_tell(self) -> Swap:
        try:
            return await self._swap()
        except Exception as error:  # a mistake of ours must not stop the work: what holds goes on
            log.exception("Configuration not taken", error=f"{type(error).__name__}: {error}")
            return Swap(refused={str(self._tenants.config.path): f"{type(error).__name__}: {error}"})

    async def _swap(self) -> Swap:
        old, seen = self._tenants.config, Seen()
        try:
            new = await anyio.to_thread.run_sync(
                partial(load, old.path, tolerant=True, seen=seen, memory=self._memory), abandon_on_cancel=True
            )
        except ConfigError as error:
            seen.keep(self.seen)
            self._note_read(seen)
            return Swap(refused={str(old.path): str(error)})
        self._note_read(seen)
        plan = await anyio.to_thread.run_sync(compared, old, new, abandon_on_cancel=True)
        refused = await anyio.to_thread.run_sync(self._look, old, new, plan, abandon_on_cancel=True)
        keep = {one: why for one, why in refused.items() if one in old.tenants and one not in self._refused}
        self._refused = frozenset(refused.keys() - keep.keys())
        config = merged(old, new, plan, keep)
        away = _away(old, plan) | self._tenants.broken()
        to_renew = self._switch(config)
        refused |= await self._renew([config.tenants[one] for one in to_renew])
        await self._wake(old, plan, away)
        self._tenants.announce()
        return Swap(
            changed=tuple(one for one in plan.changed if one not in refused),
            added=tuple(one for one in plan.added if one not in refused),
            removed=plan.removed,
            refused={**new.broken, **plan.kept, **refused},
            settings=plan.settings,
            restart=plan.restart,
            superseded=self._building.cancelled_caught,
        )

    def _note_read(self, seen: Seen) -> None:
        self.seen = seen
        for tell in self._readers:
            tell()

    def _look(self, old: Config, new: Config, plan: Plan) -> dict[str, str]:
        """Which of the tenants that are new or changed cannot run so, and why (blocking)."""
        tenants = [new.tenants[one] for one in (*plan.changed, *plan.added) if not new.tenants[one].suspended]
        told: Mapping[str, AuzapError] = Surveyor(new, self._registry).look_at(tenants)
        refused = {one: str(error) for one, error in told.items()}
        return refused | self._new_tables.look(old, new, [one for one in tenants if one.id not in refused])

    def _switch(self, config: Config) -> list[str]:
        to_renew = self._tenants.switch(config)
        self._parts.settings.change(settings_of(config))
        for tell in self._takers:
            tell()
        return to_renew

    async def _renew(self, tenants: Collection[TenantConfig]) -> dict[str, str]:
        """Build those that run anew; one that takes its time keeps nobody else waiting.

        :return: those that could not be, and why.
        """
        refused = {tenant.id: _LEFT for tenant in tenants}
        at_once = anyio.CapacityLimiter(_AT_ONCE)

        async def renew(tenant: TenantConfig) -> None:
            async with at_once:
                try:
                    await self._patience(self._tenants.renew, tenant)
                except TenantRefused as error:
                    refused[tenant.id] = str(error)
                else:
                    del refused[tenant.id]

        with self._building:
            async with anyio.create_task_group() as building:
                for tenant in tenants:
                    building.start_soon(renew, tenant)
                    await anyio.sleep(_APART)
        return refused

    async def _wake(self, old: Config, plan: Plan, away: Collection[str]) -> None:
        """Lanes that were deferred for what may be mended now."""
        now = self._tenants.config
        for one in (*plan.changed, *plan.added):
            before, tenant = old.tenants.get(one), now.tenants[one]
            for name, instance in tenant.instances.items():
                known = before.instances.get(name) if before is not None else None
                renewed = known is not None and known.options != instance.options
                paused = renewed and self._parts.instances.look_again(one, name)
                if paused or one in away:
                    await self._patience(self._queue.wake, one, name)
        for one in away:
            if one in now.tenants and one not in plan.changed and one not in plan.added:
                for name in now.tenants[one].instances:
                    await self._patience(self._queue.wake, one, name)


class _Asker:
    def __init__(self) -> None:
        self.told = anyio.Event()
        self.swap = Swap()


def _away(old: Config, plan: Plan) -> set[str]:
    """Tenants whose lanes may have been deferred."""
    suspended = {one for one in plan.changed if old.tenants[one].suspended}
    return suspended | (set(plan.added) if old.broken else set())


def _tell(swap: Swap) -> None:
    for what, why in list(swap.refused.items())[:_NAMED]:
        for line in why.splitlines():
            log.error("Configuration refused", source=what, error=line)
    if swap.restart:
        log.warning("Configuration needs a restart", keys=list(swap.restart))
    happened = {
        "changed": _named(swap.changed),
        "added": _named(swap.added),
        "removed": _named(swap.removed),
        "settings": list(swap.settings),
        "refused": _named(tuple(swap.refused)),
    }
    told = {key: value for key, value in happened.items() if value}
    if not told:
        log.info("Configuration read again, nothing has changed", seconds=swap.seconds)
    elif told.keys() == {"refused"}:
        log.error("Configuration kept as it was", **told, seconds=swap.seconds)
    else:
        log.info("Configuration swapped", **told, seconds=swap.seconds)


def _both(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*one, *other)))


def _named(names: tuple[str, ...]) -> list[str]:
    more = len(names) - _NAMED
    return [*names[:_NAMED], f"and {more} more"] if more > 0 else list(names)
