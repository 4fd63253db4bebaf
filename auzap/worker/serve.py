"""Put the parts together and run: queue, store, tenants, pipeline, worker."""

from __future__ import annotations

import gc
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import anyio
import anyio.to_thread

from auzap.config import Config, Memory, Seen
from auzap.contract.queue import Queue
from auzap.hooks import Calls
from auzap.logs import get_logger
from auzap.model.errors import ConfigError
from auzap.pipeline.instances import Instances
from auzap.pipeline.jobs import accept_job
from auzap.pipeline.patience import Patience
from auzap.pipeline.traces import Traces
from auzap.pipeline.work import Parts
from auzap.registry import Registry
from auzap.services.clock import utc_now
from auzap.storage import open_store
from auzap.storage.store import Store
from auzap.tenants.survey import survey
from auzap.tenants.tenants import Tenants
from auzap.worker.control import answer
from auzap.worker.lanes import Lanes
from auzap.worker.loop import Worker
from auzap.worker.new_tables import NewTables
from auzap.worker.orders import Orders, Signals
from auzap.worker.resources import look_at_schema, open_queue, prepare_database, schema_behind, upgrade_schema
from auzap.worker.schedules import Schedules
from auzap.worker.settings import settings_of
from auzap.worker.swap import Swapper
from auzap.worker.watchdog import END

__all__ = ["Reloading", "parts_of", "serve"]

log = get_logger("auzap.worker")


def _nothing(name: str) -> None:
    """The observer of a worker that nobody watches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reloading:
    """How a worker comes to read its configuration again.

    :param seen: what the configuration was read from.
    :param memory: of what was read.
    :param watch: whether a save makes it do so.
    :param process: its number among several, for those that ask it to.
    """

    seen: Seen
    memory: Memory
    watch: bool = True
    process: int | None = None


async def serve(
    config: Config,
    *,
    registry: Registry | None = None,
    until_empty: bool = False,
    reached: Callable[[str], None] = _nothing,
    end_when_blocked: float = END,
    orders: Orders | None = None,
    reloading: Reloading | None = None,
) -> None:
    """Work until told to stop, or until the queue is empty.

    :param registry: by default what is installed.
    :param end_when_blocked: seconds for which a plugin may block the event loop before the process ends.
    :param reached: told the name of each point that a turn passes: ``after_lease``, ``after_record``, ``in_handler``,
        ``before_persist``, ``before_commit`` (in the writer thread, of every transaction), ``after_persist``,
        ``after_claim``, ``after_accepted``, ``after_note``, ``before_ack``.
    :param orders: who tells it to stop; by default whoever sends SIGTERM or SIGINT.
    :param reloading: how it comes to read its configuration again, besides by an order (SIGHUP).
    :raises ConfigError: no tenant can run, or the database's schema is behind and ``migrate`` is ``manual``.
    """
    registry = registry if registry is not None else Registry()
    orders = orders if orders is not None else Signals()
    _report_broken(config, registry, aloud=orders.tells)
    patience, calls = Patience(), Calls()
    behind = await patience(anyio.to_thread.run_sync, look_at_schema, config, registry)
    async with AsyncExitStack() as outermost, AsyncExitStack() as stack:
        # before the database is changed: a queue that cannot be used is a mistake to mend first
        queue = await patience(_enter_queue, config, registry, stack)
        if behind:
            await patience(anyio.to_thread.run_sync, prepare_database, config, registry)
        store = await stack.enter_async_context(
            open_store(config.database.dsn, config.base, before_commit=lambda: reached("before_commit"))
        )
        tenants = await stack.enter_async_context(Tenants(config, registry=registry, store=store, calls=calls))
        parts = parts_of(config, queue, store, patience, reached)
        await stack.enter_async_context(parts.traces)
        swapper = _swapper(tenants, queue, parts, registry, reloading)
        worker = Worker(
            queue=queue,
            store=store,
            tenants=tenants,
            lanes=Lanes(queue=queue, tenants=tenants, parts=parts),
            patience=patience,
            calls=calls,
            accept=lambda job: accept_job(tenants.config, registry, job),
            until_empty=until_empty,
            end_when_blocked=end_when_blocked,
            orders=orders,
            schedules=Schedules(tenants, registry=registry, store=store, patience=patience),
            reload=swapper.ask,
        )
        swapper.when_taken(worker.reconfigured)
        # closed last: until everything else is, the process may have to be ended by force
        outermost.callback(worker.ended)
        gc.freeze()  # what was made until now stays: the garbage collector need not look through it again and again
        async with anyio.create_task_group() as beside:
            beside.start_soon(_take_configurations, swapper, config.path, reloading)
            await worker.run()
            beside.cancel_scope.cancel()


def _swapper(tenants: Tenants, queue: Queue, parts: Parts, registry: Registry, reloading: Reloading | None) -> Swapper:
    return Swapper(
        tenants,
        registry=registry,
        queue=queue,
        parts=parts,
        new_tables=NewTables(registry, behind=schema_behind, upgrade=upgrade_schema),
        seen=reloading.seen if reloading is not None else Seen(),
        memory=reloading.memory if reloading is not None else Memory(),
    )


async def _take_configurations(swapper: Swapper, path: Path, reloading: Reloading | None) -> None:
    """Swap when told to, by whatever way there is; until cancelled."""
    async with anyio.create_task_group() as ways:
        ways.start_soon(swapper.run)
        if reloading is not None:
            ways.start_soon(answer, swapper, path, reloading.process)
            if reloading.watch:
                ways.start_soon(_watch, swapper)


async def _watch(swapper: Swapper) -> None:
    from auzap.worker.watch import watch_files  # only `run` needs it

    await watch_files(swapper)


async def _enter_queue(config: Config, registry: Registry, stack: AsyncExitStack) -> Queue:
    return await stack.enter_async_context(open_queue(config, registry))


def _report_broken(config: Config, registry: Registry, *, aloud: bool) -> None:
    broken = survey(config, registry)
    if aloud:
        for what, message in config.broken.items():
            log.error("Configuration broken", source=what, error=message)
        for tenant_id, error in broken.items():
            log.error("Tenant not started", organization_id=tenant_id, error=str(error))
    if len(broken) == len(config.tenants):
        why = [*config.broken.values(), *map(str, broken.values())]
        raise ConfigError(f"no tenant can run: {why[0]}")


def parts_of(
    config: Config,
    queue: Queue,
    store: Store,
    patience: Patience,
    reached: Callable[[str], None] = _nothing,
    *,
    tell: Callable[[], datetime] = utc_now,
) -> Parts:
    """What the steps of the pipeline share.

    :param tell: the time, aware; tests put it forward.
    """
    return Parts(
        store=store,
        permit=lambda key, most, per: queue.permit(key, most=most, per=per),
        instances=Instances(
            lambda tenant, instance: patience(queue.wake, tenant, instance), now=lambda: tell().timestamp()
        ),
        patience=patience,
        settings=settings_of(config),
        traces=Traces(store, tell=tell),
        reached=reached,
        tell=tell,
    )
