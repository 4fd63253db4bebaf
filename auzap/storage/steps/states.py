"""What plugins remember of chats: set and forgotten with a turn's outcome."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from auzap.storage.steps.tx import Tx
from auzap.storage.store import Decision, StateChange
from auzap.storage.texts import storable

__all__ = ["States", "remembered"]

#: organization, instance, chat, plugin, name
_Key = tuple[str, str, str, str, str]


class States:
    """All changes of one transaction; of several to one name the last counts."""

    def __init__(self, tx: Tx) -> None:
        self._tx = tx
        #: value and when it expires; None: it is forgotten
        self._changes: dict[_Key, tuple[str, Any] | None] = {}

    def check(self, changes: Sequence[StateChange]) -> None:
        """:raises ValueError: one cannot be stored."""
        for change in changes:
            self._until(change)

    def take(self, decision: Decision) -> None:
        chat = decision.organization_id, decision.instance_id, decision.chat_id
        for change in decision.state:
            key = (*chat, change.plugin, storable(change.name))
            self._changes[key] = (change.value, self._until(change)) if change.value is not None else None

    def write(self, now: Any) -> None:
        if self._changes:
            self._tx.write("SET_STATE", [(*key, *new, now) for key, new in self._changes.items() if new is not None])
            self._tx.write("DELETE_STATE", [key for key, new in self._changes.items() if new is None])

    def _until(self, change: StateChange) -> Any:
        return self._tx.time(change.expires_at) if change.expires_at is not None else None


def remembered(rows: Sequence[Any]) -> dict[str, Any]:
    """:param rows: of names and their values' JSON."""
    return {name: json.loads(value) for name, value in rows}
