"""One line: what stands in it, in which order, and what of it is told."""

from __future__ import annotations

import math
import re
import sys
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, cast

from structlog.typing import EventDict, WrappedLogger

from auzap.logs.masks import ADDRESSES, masked

__all__ = ["OWN", "Line"]

#: what stands under these names is made by auzap, and has no address in it
OWN = frozenset(("timestamp", "level", "job_id", "row_id", "turn_id", "reply_id", "conversation_id"))
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_DEEPEST = 6
_EXC_CHARACTERS = 300

_ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None]


class Line:
    """structlog's processor: time, level, event and the rest in this order, errors short, addresses masked.

    :param people: for a terminal: a short time, no control characters, no names of our own modules.
    :param short: ids by their ends, so that a line fits; where something is wrong they are to be copied, and whole.
    :param process: stands in each line.
    """

    def __init__(
        self, *, people: bool, short: bool, tracebacks: bool, show_phones: bool, process: int | None = None
    ) -> None:
        self._people = people
        self._short = short
        self._tracebacks = tracebacks
        self._show_phones = show_phones
        self._process = process

    def __call__(self, logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
        own: dict[str, Any] = {"timestamp": self._time(), "level": method, "event": event.pop("event", "")}
        error = event.pop("exc_info", None)
        name = str(event.pop("logger_name", None) or event.pop("logger", ""))
        if name and not (self._people and name.startswith("auzap")):
            own["logger"] = name
        if self._process is not None:
            own["process"] = self._process
        line = {**own, **event, **own}
        if error and (found := _exc_info(error)):
            line["exception" if self._tracebacks else "exc"] = self._told(found)
        safe = {
            key: value if key in OWN and isinstance(value, str) else self._safe(key, value, _DEEPEST)
            for key, value in line.items()
        }
        return {key: _shortened(value) for key, value in safe.items()} if self._short and method == "info" else safe

    def _time(self) -> str:
        now = datetime.now(UTC)
        return now.astimezone().strftime("%H:%M:%S") if self._people else now.isoformat(timespec="milliseconds")

    def _told(self, error: _ExcInfo) -> str:
        return "".join(traceback.format_exception(*error)).rstrip() if self._tracebacks else _short(error)

    def _safe(self, key: str, value: Any, depth: int) -> Any:
        """A value that any renderer takes, and that tells no number."""
        if isinstance(value, str):
            return self._text(key, value)
        if value is None or value is True or value is False:
            return value
        if isinstance(value, int):
            return self._text(key, str(value)) if key in ADDRESSES else value
        if isinstance(value, float):
            return value if math.isfinite(value) else str(value)
        if isinstance(value, Mapping) and depth:
            return {str(name): self._safe(str(name), inner, depth - 1) for name, inner in value.items()}
        if isinstance(value, (list, tuple, set, frozenset)) and depth:
            return [self._safe(key, inner, depth - 1) for inner in value]
        return self._text(key, _written(value))

    def _text(self, key: str, text: str) -> str:
        if not self._show_phones:
            text = masked(key, text)
        if self._people and not text.isprintable():
            return "".join(
                one if one.isprintable() or (one == "\n" and key == "exception") else _escaped(one) for one in text
            )
        return text


def _exc_info(error: Any) -> _ExcInfo | None:
    if isinstance(error, BaseException):
        return type(error), error, error.__traceback__
    found = error if isinstance(error, tuple) else sys.exc_info()
    return cast("_ExcInfo", found) if found[0] is not None else None


def _short(info: _ExcInfo) -> str:
    """``ValueError: text (package/module.py:12)``, on one line."""
    _, error, trace = info
    text = _written(error)[:_EXC_CHARACTERS]
    frames = traceback.extract_tb(trace)
    if not frames:
        return text
    file = Path(frames[-1].filename)
    return f"{text} ({file.parent.name}/{file.name}:{frames[-1].lineno})"


def _written(value: object) -> str:
    try:
        text = str(value)
    except Exception:  # noqa: BLE001 - whose ever it is, a line about it must not fail the work
        text = "(cannot be written)"
    return f"{type(value).__name__}: {' '.join(text.split())}" if isinstance(value, BaseException) else text


def _shortened(value: Any) -> Any:
    """The end of a UUID: its beginning is a time, and alike in all of an hour."""
    return f"…{value[-12:]}" if isinstance(value, str) and _UUID.fullmatch(value) else value


def _escaped(character: str) -> str:
    return ascii(character)[1:-1]
