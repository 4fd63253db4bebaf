"""What plugins do by the clock: each method runs once among all workers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import anyio
from anyio.abc import TaskGroup

from auzap.contract.schedules import Schedule, schedules_of
from auzap.logs import get_logger
from auzap.model.errors import HookFailed, PluginError, PluginPaused, Unavailable, cause_of
from auzap.pipeline.patience import Patience
from auzap.registry import Registry
from auzap.services.clock import utc_now
from auzap.storage.store import ClaimedRun, ScheduledRun, Store
from auzap.tenants.away import TenantAway, TenantUnknown
from auzap.tenants.tenants import Tenants

__all__ = ["Schedules"]

log = get_logger("auzap.worker")

#: seconds between two looks for what is due
_LOOK = 1.0
#: runs at a time; of a tenant's there is one at a time among all workers
_AT_ONCE = 4
_BATCH = 500
#: seconds after a run's deadline until its worker is taken to be dead
_GRACE = 30.0
#: workers that may die over a run before it is given up
_LOST = 3
#: seconds until what cannot run now is looked at again
_LATER, _SOON = 60.0, 5.0
#: seconds between two times that everything is noted, if no swap comes before; for so long, too, a run stays that this
#: worker knows nothing of: others may have a newer configuration already
_NOTE_AGAIN = 600.0
#: seconds for giving a run back when it is cancelled
_GIVE_BACK = 5.0


@dataclass(frozen=True, slots=True)
class _Known:
    """What the configuration says of a run."""

    schedule: Schedule
    timezone: str
    suspended: bool

    def next(self, after: datetime) -> datetime:
        return self.schedule.next(after, self.timezone)


class Schedules:
    """
    :param tell: the time, aware; tests put it forward.
    :param grace: seconds after a run's deadline until somebody else may run it.
    :param note_again: seconds until everything is noted again; for so long a run stays that nothing is known of.
    """

    def __init__(
        self,
        tenants: Tenants,
        *,
        registry: Registry,
        store: Store,
        patience: Patience,
        tell: Callable[[], datetime] = utc_now,
        grace: float = _GRACE,
        note_again: float = _NOTE_AGAIN,
    ) -> None:
        self._tenants = tenants
        self._registry = registry
        self._store = store
        self._patience = patience
        self._tell = tell
        self._grace = grace
        self._note_again = note_again
        #: by what stands behind ``use``
        self._of_plugins: dict[str, Mapping[str, Schedule] | None] = {}
        self._running = 0
        self._tasks: set[asyncio.Task[Any] | None] = set()
        self._draining = False
        self._ended = anyio.Event()
        #: runs that nothing is known of -> since when, on the clock of ``time.monotonic()``
        self._unknown: dict[tuple[str, str, str], float] = {}

    async def run(self) -> None:
        """Until cancelled. What runs then is given back, for another worker to run it from its beginning."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._keep_noted)
            while True:
                free = _AT_ONCE - self._running if not self._draining else 0
                begun = await self._begin(tasks, free) if free else 0
                if begun < free or not free:
                    with anyio.move_on_after(_LOOK):
                        await self._ended.wait()

    async def drain(self) -> None:
        """Begin nothing more, and wait until what runs has ended."""
        self._draining = True
        while self._running:
            await self._ended.wait()

    def is_run(self, task: asyncio.Task[Any] | None) -> bool:
        """Whether a task is one of the runs; may be asked from any thread."""
        return task in self._tasks

    async def ensure(self) -> None:
        """Note when everything is due that the configuration knows of, a batch at a time."""
        runs = self._all()
        while batch := list(islice(runs, _BATCH)):
            await self._patience(self._store.ensure_runs, batch)

    async def run_due(self) -> None:
        """Run what is due by now, and return when it has ended: for whoever puts the clock forward."""
        await self.ensure()
        async with anyio.create_task_group() as tasks:
            while await self._begin(tasks, _AT_ONCE - self._running) or self._running:
                while self._running:
                    await self._ended.wait()

    async def _keep_noted(self) -> None:
        while True:
            swapped = self._tenants.swapped
            self._of_plugins.clear()
            await self.ensure()
            with anyio.move_on_after(self._note_again):
                await swapped.wait()

    async def _begin(self, tasks: TaskGroup, most: int) -> int:
        now = self._tell()
        until = now + timedelta(seconds=self._tenants.config.worker.timeout + self._grace)
        claimed = await self._patience(self._store.claim_runs, now, until=until, limit=most)
        for one in claimed:
            self._running += 1
            tasks.start_soon(self._work, one)
        return len(claimed)

    # ------------------------------------------------------------------ what there is to run

    def _all(self) -> Iterator[ScheduledRun]:
        now = self._tell()
        #: few are due at different times
        due: dict[tuple[Schedule, str], tuple[str, datetime]] = {}
        for tenant in list(self._tenants.config.tenants.values()):  # a swap may come between two batches
            for plugin, entry in tenant.plugins.items() if not tenant.suspended else ():
                for method, schedule in (self._of_plugin(entry.use) or {}).items():
                    when = due.get((schedule, tenant.timezone))
                    if when is None:
                        when = schedule.rule(tenant.timezone), schedule.next(now, tenant.timezone)
                        due[schedule, tenant.timezone] = when
                    yield ScheduledRun(tenant.id, plugin, method, *when)

    def _of_plugin(self, use: str) -> Mapping[str, Schedule] | None:
        """None: it will not load, which is told when a tenant that uses it is built."""
        if use not in self._of_plugins:
            try:
                self._of_plugins[use] = schedules_of(self._registry.plugin(use).cls)
            except PluginError:
                self._of_plugins[use] = None
        return self._of_plugins[use]

    def _look_up(self, run: ScheduledRun) -> _Known | None:
        """:raises TenantAway: the configuration, or the plugin, cannot be read."""
        config, until = self._tenants.config, self._tell().timestamp() + _LATER
        tenant = config.tenants.get(run.organization_id)
        if tenant is None:
            if config.broken:
                raise TenantAway("there are broken files", until=until)
            return None
        entry = tenant.plugins.get(run.plugin)
        schedules = self._of_plugin(entry.use) if entry is not None else {}
        if schedules is None:
            raise TenantAway("the plugin does not load", until=until)
        schedule = schedules.get(run.method)
        return _Known(schedule, tenant.timezone, tenant.suspended) if schedule is not None else None

    # ------------------------------------------------------------------ one run

    async def _work(self, claimed: ClaimedRun) -> None:
        task = asyncio.current_task()
        self._tasks.add(task)
        try:
            await self._decide(claimed)
        except anyio.get_cancelled_exc_class():
            with anyio.move_on_after(_GIVE_BACK, shield=True):
                await self._store.put_off_run(claimed, until=claimed.run.due_at)
            raise
        except Exception:
            # a mistake of ours; the claim ends by itself
            log.exception("Scheduled run not noted", **_whose(claimed))
        finally:
            self._tasks.discard(task)
            self._running -= 1
            self._ended.set()
            self._ended = anyio.Event()

    async def _decide(self, claimed: ClaimedRun) -> None:
        run = claimed.run
        try:
            known = self._look_up(run)
            if known is None:
                await self._pass_by(claimed)
            elif known.suspended:
                await self._put_off(claimed, known.next(self._tell()))
            elif claimed.lost >= _LOST:
                await self._note(claimed, f"given up: {claimed.lost} workers died over it")
            else:
                await self._call(claimed)
        except TenantUnknown:  # it was removed just now
            await self._put_off(claimed, self._in(_LATER))
        except TenantAway as away:
            await self._put_off(claimed, self._at(away.until))
        except PluginPaused as paused:
            await self._put_off(claimed, self._at(paused.until))
        except Unavailable:
            await self._put_off(claimed, self._in(_SOON))
        except HookFailed as failure:
            if cause_of(failure, Unavailable) is not None:  # which is not the plugin's fault
                await self._put_off(claimed, self._in(_SOON))
            else:
                await self._note(claimed, failure.reason)

    async def _call(self, claimed: ClaimedRun) -> None:
        run = claimed.run
        async with self._tenants.use(run.organization_id) as tenant:
            timeout = tenant.hooks.schedule_timeout(run.plugin, run.method)
            if timeout is None:  # a swap is under way
                await self._put_off(claimed, self._in(_SOON))
                return
            if timeout > self._tenants.config.worker.timeout:
                until = self._in(timeout + self._grace)
                if not await self._patience(self._store.keep_run, claimed, until=until):
                    return
            await tenant.hooks.run_schedule(run.plugin, run.method)
        await self._note(claimed, None)

    async def _note(self, claimed: ClaimedRun, error: str | None) -> None:
        next_at = self._next(claimed.run)
        if error is not None:
            log.error("Scheduled run failed", **_whose(claimed), error=error, next_at=next_at.isoformat())
        if not await self._patience(self._store.note_run, claimed, next_at=next_at, error=error):
            log.warning("Scheduled run took too long: another worker may have run it too", **_whose(claimed))

    def _next(self, run: ScheduledRun) -> datetime:
        """By what the configuration says now: it may have been swapped meanwhile."""
        try:
            known = self._look_up(run)
        except TenantAway:
            known = None
        return known.next(self._tell()) if known is not None else self._in(_LATER)

    async def _put_off(self, claimed: ClaimedRun, until: datetime) -> None:
        await self._patience(self._store.put_off_run, claimed, until=until)

    async def _pass_by(self, claimed: ClaimedRun) -> None:
        """Nothing is known of it here. It is forgotten when that has been so for a while."""
        run, now = claimed.run, time.monotonic()
        key = run.organization_id, run.plugin, run.method
        if now - self._unknown.setdefault(key, now) < self._note_again:
            await self._put_off(claimed, self._in(_LATER))
            return
        await self._patience(self._store.forget_runs, [run])
        del self._unknown[key]

    def _in(self, seconds: float) -> datetime:
        return self._tell() + timedelta(seconds=seconds)

    def _at(self, seconds: float) -> datetime:
        """Not at once: it would be claimed again and again."""
        return max(datetime.fromtimestamp(seconds, UTC), self._in(_LOOK))


def _whose(claimed: ClaimedRun) -> dict[str, str]:
    run = claimed.run
    return {"organization_id": run.organization_id, "plugin": run.plugin, "method": run.method}
