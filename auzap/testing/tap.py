"""The log of a bot: kept as events, and shown as text where a test that fails can be seen."""

from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO, cast

import structlog

from auzap.logs import Logger, configure
from auzap.model.errors import HookFailed

__all__ = ["Tap"]

_NOT_SHOWN = ("timestamp", "level", "event", "logger", "organization_id")


class Tap(io.TextIOBase):
    """Where the log goes."""

    def __init__(self) -> None:
        #: every line, as JSON would have it
        self.events: list[dict[str, Any]] = []
        #: job -> what failed last in its turn, with the plugin's own exception as ``__cause__``
        self.failures: dict[str, HookFailed] = {}

    def write(self, text: str) -> int:
        error = sys.exc_info()[1]  # a failed attempt is logged while it is handled
        for line in text.splitlines():
            event = json.loads(line)
            self.events.append(event)
            if isinstance(error, HookFailed) and "job_id" in event:
                self.failures[str(event["job_id"])] = error
            print(_shown(event), file=sys.stderr)  # noqa: T201 - pytest shows it with a test that fails
        return len(text)


@contextmanager
def tapped(tap: Tap, *, level: str = "info") -> Iterator[None]:
    """Have the process's log go there; afterwards it is as before."""
    root = logging.getLogger()
    handlers, before, quick = list(root.handlers), root.level, Logger.quick
    config = structlog.get_config() if structlog.is_configured() else None
    configure(json=True, level=level, stream=cast("TextIO", tap))
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(before)
        Logger.quick = quick
        structlog.reset_defaults()
        if config is not None:
            structlog.configure(**config)


def _shown(event: dict[str, Any]) -> str:
    rest = " ".join(f"{key}={value}" for key, value in event.items() if key not in _NOT_SHOWN)
    return f"{event.get('level', '')}: {event.get('event', '')} {rest}".rstrip()
