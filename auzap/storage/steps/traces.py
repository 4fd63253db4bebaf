"""Who was asked about a turn: written beside it, read by whoever wants to know."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from auzap.storage.steps.times import moment
from auzap.storage.steps.tx import Tx
from auzap.storage.store import Trace, TraceStep
from auzap.storage.texts import storable

__all__ = ["add_traces", "read_traces"]


def add_traces(tx: Tx, batches: Sequence[Sequence[Trace]]) -> list[None]:
    tx.write("INSERT_TRACE", [_row(tx, one) for one in {one.id: one for batch in batches for one in batch}.values()])
    return [None] * len(batches)


def _row(tx: Tx, one: Trace) -> tuple[Any, ...]:
    steps = [{"hook": step.hook, "plugin": step.plugin, "ms": step.ms, "said": step.said} for step in one.steps]
    for told, step in zip(steps, one.steps, strict=True):
        if step.error is not None:
            told["error"] = storable(step.error)
    return (
        one.id,
        one.organization_id,
        one.instance_id,
        one.turn_id,
        storable(one.message_id),
        one.attempt,
        one.config_version,
        storable(one.outcome),
        one.answered_by,
        one.ms,
        json.dumps(steps, separators=(",", ":")),
        tx.time(one.at),
    )


def read_traces(rows: Sequence[Any]) -> list[Trace]:
    """:param rows: as ``TRACES`` gives them, the newest first."""
    return [_trace(*row) for row in reversed(rows)]


def _trace(
    id_: str,
    organization_id: str,
    instance_id: str,
    turn_id: str,
    message_id: str | None,
    attempt: int,
    config_version: str,
    outcome: str,
    answered_by: str | None,
    ms: float,
    steps: str,
    created_at: Any,
) -> Trace:
    return Trace(
        id=id_,
        organization_id=organization_id,
        instance_id=instance_id,
        turn_id=turn_id,
        message_id=message_id,
        attempt=attempt,
        config_version=config_version,
        outcome=outcome,
        answered_by=answered_by,
        ms=ms,
        steps=tuple(TraceStep(**step) for step in json.loads(steps)),
        at=moment(created_at),
    )
