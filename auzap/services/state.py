"""What plugins remember of a chat, during a turn."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from auzap.model.turn import Chat
from auzap.services.clock import utc_now
from auzap.storage.store import StateChange, Store
from auzap.storage.texts import storable

__all__ = ["ChatState", "TurnStates"]

_LONGEST_NAME = 100
#: of a value's JSON
_LONGEST_VALUE = 65_536


class TurnStates:
    """Those of all plugins in one turn: read when first asked, written with the outcome."""

    def __init__(
        self, store: Store, organization_id: str, chat: Chat, *, tell: Callable[[], datetime] = utc_now
    ) -> None:
        self._store = store
        self._organization_id = organization_id
        self._chat = chat
        self._tell = tell
        self._states: dict[str, ChatState] = {}

    def of(self, plugin: str) -> ChatState:
        state = self._states.get(plugin)
        if state is None:
            state = self._states[plugin] = ChatState(
                self._store, self._organization_id, self._chat, plugin, tell=self._tell
            )
        return state

    def changes(self) -> tuple[StateChange, ...]:
        """What is to be stored."""
        return tuple(change for state in self._states.values() for change in state.changes.values())


class ChatState:
    """One plugin's."""

    def __init__(
        self, store: Store, organization_id: str, chat: Chat, plugin: str, *, tell: Callable[[], datetime]
    ) -> None:
        self._store = store
        self._organization_id = organization_id
        self._chat = chat
        self._plugin = plugin
        self._tell = tell
        self._stored: dict[str, Any] | None = None
        #: by name
        self.changes: dict[str, StateChange] = {}

    async def get(self, name: str, default: Any = None) -> Any:
        change = self.changes.get(name)
        if change is not None:
            return default if change.value is None else json.loads(change.value)
        if self._stored is None:
            self._stored = await self._store.state_of(self._organization_id, self._chat, self._plugin, at=self._tell())
        return self._stored.get(name, default)

    def set(self, name: str, value: Any, *, expires: timedelta | None = None) -> None:
        _check_name(name)
        try:
            text = json.dumps(value, allow_nan=False)
        except (TypeError, ValueError, RecursionError) as error:
            raise TypeError(f"state.set({name!r}): it is no JSON value: {error}") from error
        if len(text) > _LONGEST_VALUE:
            raise ValueError(
                f"state.set({name!r}): the value has {len(text):,} characters as JSON; {_LONGEST_VALUE:,} are the most"
            )
        expires_at = self._tell() + expires if expires is not None else None
        self.changes[name] = StateChange(plugin=self._plugin, name=name, value=text, expires_at=expires_at)

    def delete(self, name: str) -> None:
        _check_name(name)
        self.changes[name] = StateChange(plugin=self._plugin, name=name, value=None)


def _check_name(name: str) -> None:
    if not isinstance(name, str):
        raise TypeError(f"state: a name is text, and not {name!r}")
    if not name or len(name) > _LONGEST_NAME or storable(name) != name:
        raise ValueError(f"state: a name has 1 to {_LONGEST_NAME} characters, and no NUL: {name[:_LONGEST_NAME]!r}")
