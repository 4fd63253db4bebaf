"""Put the parts together and run: queue, store, tenants, pipeline, worker."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager

import anyio
import anyio.to_thread

from auzap.config.models import Config
from auzap.contract.queue import Queue
from auzap.hooks import Calls
from auzap.logs import get_logger
from auzap.model.errors import AuzapError, ConfigError, PluginError
from auzap.pipeline.instances import Instances
from auzap.pipeline.patience import Patience
from auzap.pipeline.work import Parts, Settings
from auzap.registry import Registry
from auzap.storage import open_store
from auzap.storage.migrate import pending, upgrade
from auzap.tenants.survey import survey, tables_of
from auzap.tenants.tenants import Tenants
from auzap.worker.lanes import Lanes
from auzap.worker.loop import Worker
from auzap.worker.watchdog import END

__all__ = ["open_queue", "prepare_database", "schema_behind", "serve", "upgrade_schema"]

log = get_logger("auzap.worker")


def _nothing(name: str) -> None:
    """The observer of a worker that nobody watches."""


async def serve(
    config: Config,
    *,
    until_empty: bool = False,
    reached: Callable[[str], None] = _nothing,
    end_when_blocked: float = END,
) -> None:
    """Work until told to stop (SIGTERM, SIGINT), or until the queue is empty.

    :param end_when_blocked: seconds for which a plugin may block the event loop before the process ends.
    :param reached: told the name of each point that a turn passes: ``after_lease``, ``after_record``, ``in_handler``,
        ``before_persist``, ``before_commit`` (in the writer thread, of every transaction), ``after_persist``,
        ``after_claim``, ``after_accepted``, ``after_note``, ``before_ack``.
    :raises ConfigError: no tenant can run, or the database's schema is behind and ``migrate`` is ``manual``.
    """
    registry = Registry()
    _report_broken(config, registry)
    patience, calls = Patience(), Calls()
    await patience(anyio.to_thread.run_sync, prepare_database, config, registry)
    async with AsyncExitStack() as outermost, AsyncExitStack() as stack:
        queue = await patience(_enter_queue, config, registry, stack)
        store = await stack.enter_async_context(
            open_store(config.database.url, config.base, before_commit=lambda: reached("before_commit"))
        )
        tenants = await stack.enter_async_context(Tenants(config, registry=registry, store=store, calls=calls))
        parts = Parts(
            store=store,
            permit=lambda key, most, per: queue.permit(key, most=most, per=per),
            instances=Instances(lambda tenant, instance: patience(queue.wake, tenant, instance)),
            patience=patience,
            settings=_settings(config),
            reached=reached,
        )
        lanes = Lanes(
            config,
            queue=queue,
            tenants=tenants,
            parts=parts,
        )
        worker = Worker(
            config,
            queue=queue,
            store=store,
            tenants=tenants,
            lanes=lanes,
            patience=patience,
            calls=calls,
            until_empty=until_empty,
            end_when_blocked=end_when_blocked,
        )
        # closed last: until everything else is, the process may have to be ended by force
        outermost.callback(worker.ended)
        await worker.run()


async def _enter_queue(config: Config, registry: Registry, stack: AsyncExitStack) -> Queue:
    return await stack.enter_async_context(open_queue(config, registry))


def open_queue(config: Config, registry: Registry) -> Queue:
    """The queue that the configuration names, not yet entered.

    :raises ConfigError: no backend has this URL scheme, or the URL is wrong.
    """
    with _placed(config, "queue", ConfigError, PluginError):
        backend = registry.queue(config.queue.partition("://")[0])
        queue: Queue = backend.from_url(config.queue, config.base)
    return queue


def schema_behind(config: Config, registry: Registry) -> list[str]:
    """The distributions whose tables are not as their code wants them (blocking); changes nothing.

    :raises ConfigError: there is no such database, or it is newer than the code.
    """
    with _placed(config, "database", ConfigError):
        return pending(config.database.url, config.base, tables_of(config, registry))


def upgrade_schema(config: Config, registry: Registry) -> list[str]:
    """Bring the tables up to date (blocking).

    :return: the distributions that were behind.
    :raises ConfigError: as ``schema_behind`` does.
    """
    with _placed(config, "database", ConfigError):
        return upgrade(config.database.url, config.base, tables_of(config, registry))


def prepare_database(config: Config, registry: Registry) -> None:
    """Bring the schema up to date where the configuration allows it (blocking)."""
    behind = schema_behind(config, registry)
    if behind and config.database.migrate == "manual":
        raise ConfigError(f"the schema is behind ({', '.join(behind)}): run `auzap db upgrade` first")
    for done in upgrade_schema(config, registry) if behind else ():
        log.info("Schema upgraded", distribution=done)


@contextmanager
def _placed(config: Config, key: str, *kinds: type[AuzapError]) -> Iterator[None]:
    """Say where in the configuration stands what is wrong."""
    try:
        yield
    except kinds as error:
        raise config.raw.mistake(str(error), key) from error


def _report_broken(config: Config, registry: Registry) -> None:
    for what, message in config.broken.items():
        log.error("Configuration broken", source=what, error=message)
    broken = survey(config, registry)
    for tenant_id, error in broken.items():
        log.error("Tenant not started", organization_id=tenant_id, error=str(error))
    if len(broken) == len(config.tenants):
        why = [*config.broken.values(), *map(str, broken.values())]
        raise ConfigError(f"no tenant can run: {why[0]}")


def _settings(config: Config) -> Settings:
    worker = config.worker
    return Settings(
        attempts=worker.attempts,
        backoff_delay=worker.backoff.delay,
        backoff_exponential=worker.backoff.type == "exponential",
        stale_after=config.stale_after,
        give_up_after=config.give_up_after,
    )
