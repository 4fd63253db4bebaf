"""The way of what is logged for every message: JSON written without the detours of what may be anything."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from json.encoder import encode_basestring_ascii as quoted
from typing import Any

from auzap.logs.line import OWN
from auzap.logs.masks import ADDRESSES, mask, masked

__all__ = ["QuickJson"]

#: the same few lines, of chats that come again and again
_EVENTS, _CHATS = 256, 4096
_CONSTANTS = {None: "null", True: "true", False: "false"}


class QuickJson:
    """Writes a line of texts and constants as ``Line`` and a JSON renderer would.

    :param write: takes the line.
    :param process: stands in each line.
    """

    def __init__(self, write: Callable[[str], None], *, process: int | None = None) -> None:
        self._write = write
        self._process = "" if process is None else f', "process": {process}'
        self._second = ("", 0)

    def info(self, name: str, event: str, fields: dict[str, Any]) -> bool:
        """False: there is something else in it; nothing was written."""
        parts = [f'{{"timestamp": "{self._time()}", {_head(name, event)}{self._process}']
        for key, value in fields.items():
            if type(value) is str:
                told = _address(value) if key in ADDRESSES else quoted(value if key in OWN else mask(value))
            elif value is None or value is True or value is False:
                told = _CONSTANTS[value]
            else:
                return False
            parts.append(f'"{key}": {told}')
        self._write(", ".join(parts) + "}")
        return True

    def _time(self) -> str:
        """In UTC, to the millisecond. The second is written once."""
        now = time.time()
        second = int(now)
        text, written = self._second
        if written != second:
            text = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
            self._second = (text, second)
        return f"{text}.{int((now - second) * 1000):03d}+00:00"


@lru_cache(_EVENTS)
def _head(name: str, event: str) -> str:
    return f'"level": "info", "event": {quoted(mask(event))}, "logger": {quoted(name)}'


@lru_cache(_CHATS)
def _address(text: str) -> str:
    return quoted(masked("chat", text))
