"""What plugins do by the clock: noted once, claimed by one worker at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from auzap.storage.steps.times import moment
from auzap.storage.steps.tx import Statement, Tx
from auzap.storage.store import ClaimedRun, ScheduledRun
from auzap.storage.texts import storable

__all__ = [
    "Claiming",
    "Moved",
    "Ran",
    "claim_runs",
    "ensure_runs",
    "forget_runs",
    "keep_run",
    "note_run",
    "put_off_run",
]

#: organization, plugin, method
_Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Claiming:
    before: datetime
    until: datetime
    limit: int


@dataclass(frozen=True, slots=True)
class Ran:
    claimed: ClaimedRun
    next_at: datetime
    error: str | None


@dataclass(frozen=True, slots=True)
class Moved:
    claimed: ClaimedRun
    until: datetime


def ensure_runs(tx: Tx, batches: Sequence[Sequence[ScheduledRun]]) -> list[None]:
    runs = {_key(run): run for batch in batches for run in batch}
    # in one order: whoever does the same at the same time waits for us, and we not for them
    tx.write("ENSURE_RUNS", [(*key, run.rule, tx.time(run.due_at)) for key, run in sorted(runs.items())])
    return [None] * len(batches)


def claim_runs(tx: Tx, claims: Sequence[Claiming]) -> list[list[ClaimedRun]]:
    return [
        [
            ClaimedRun(ScheduledRun(organization_id, plugin, method, rule, moment(due_at)), token, lost)
            for organization_id, plugin, method, rule, due_at, token, lost in tx.execute(
                "CLAIM_RUNS", (tx.time(one.before), tx.time(one.until), one.limit)
            )
        ]
        for one in claims
    ]


def note_run(tx: Tx, notes: Sequence[Ran]) -> list[bool]:
    now = tx.now()
    return _of_claims(
        tx, "NOTE_RUN", [(one.claimed, (tx.time(one.next_at), now, storable(one.error))) for one in notes]
    )


def keep_run(tx: Tx, moved: Sequence[Moved]) -> list[bool]:
    return _of_claims(tx, "KEEP_RUN", [(one.claimed, (tx.time(one.until),)) for one in moved])


def put_off_run(tx: Tx, moved: Sequence[Moved]) -> list[bool]:
    return _of_claims(tx, "PUT_OFF_RUN", [(one.claimed, (tx.time(one.until),)) for one in moved])


def forget_runs(tx: Tx, batches: Sequence[Sequence[ScheduledRun]]) -> list[None]:
    tx.write("FORGET_RUNS", sorted({_key(run) for batch in batches for run in batch}))
    return [None] * len(batches)


def _of_claims(tx: Tx, statement: Statement, changes: Sequence[tuple[ClaimedRun, tuple[Any, ...]]]) -> list[bool]:
    """Change the rows of those claims that are the last of their rows; which these are."""
    keys = [(*_key(claimed.run), claimed.token) for claimed, _ in changes]
    rows = {key: (*new, *key) for key, (_, new) in zip(keys, changes, strict=True)}
    changed = {tuple(row) for row in tx.returning(statement, list(rows.values()))}
    return [key in changed for key in keys]


def _key(run: ScheduledRun) -> _Key:
    return run.organization_id, run.plugin, run.method
