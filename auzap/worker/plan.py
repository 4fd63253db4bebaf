"""What a configuration that was read changes of the one that holds. Nothing is done here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from auzap.config.models import Config, TenantConfig

__all__ = ["Plan", "compared", "merged"]

#: what holds from the start of the process to its end
_FIXED = ("queue", "database", "worker.lease")
_LIVE = (
    "worker.concurrency",
    "worker.attempts",
    "worker.backoff",
    "worker.timeout",
    "worker.drain",
    "worker.rate_limit",
    "stale_after",
    "give_up_after",
    "retention",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """
    :param kept: tenants that cannot be read now and stay as they are -> why.
    :param settings: keys of the top that take effect at once.
    :param restart: keys of the top that take effect with the next start.
    """

    changed: tuple[str, ...]
    added: tuple[str, ...]
    removed: tuple[str, ...]
    kept: Mapping[str, str]
    settings: tuple[str, ...]
    restart: tuple[str, ...]


def compared(old: Config, new: Config) -> Plan:
    """By what they say, wherever it stands."""
    kept = _kept(old, new)
    both = [one for one in new.tenants if one in old.tenants]
    return Plan(
        changed=tuple(one for one in both if not _same(old.tenants[one], new.tenants[one])),
        added=tuple(one for one in new.tenants if one not in old.tenants),
        removed=tuple(one for one in old.tenants if one not in new.tenants and one not in kept),
        kept=kept,
        settings=_different(old, new, _LIVE),
        restart=_different(old, new, _FIXED),
    )


def merged(old: Config, new: Config, plan: Plan, keep: Mapping[str, str]) -> Config:
    """The one that is to hold.

    :param keep: tenants that are to stay as they are, besides those that cannot be read.
    """
    tenants = {one: old.tenants[one] if one in keep else tenant for one, tenant in new.tenants.items()}
    tenants |= {one: old.tenants[one] for one in plan.kept}
    worker = new.worker.model_copy(update={"lease": old.worker.lease})
    return new.model_copy(
        update={
            "tenants": tenants,
            "broken": {what: why for what, why in new.broken.items() if what not in tenants},
            "queue": old.queue,
            "database": old.database,
            "worker": worker,
        }
    )


def _same(old: TenantConfig, new: TenantConfig) -> bool:
    return old is new or old.version == new.version


def _kept(old: Config, new: Config) -> dict[str, str]:
    """Those that are broken, or stood in a file that cannot be read now."""
    gone = [one for one in old.tenants if one not in new.tenants]
    files = {Path(what).absolute(): what for what in new.broken} if gone else {}
    kept = {}
    for one in gone:
        file = files.get(Path(old.tenants[one].raw.file).absolute())
        if one in new.broken:
            kept[one] = new.broken[one]
        elif file is not None:
            kept[one] = new.broken[file]
    return kept


def _different(old: Config, new: Config, keys: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(key for key in keys if _at(old, key) != _at(new, key))


def _at(config: Config, key: str) -> Any:
    value: Any = config
    for part in key.split("."):
        value = getattr(value, part)
    return value
