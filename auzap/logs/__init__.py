"""Log lines, for people on a terminal and as JSON for machines, with phone numbers masked.

Both structlog's events and the records of ``logging`` (plugins, Alembic) come out in one form, on one stream.
"""

from __future__ import annotations

import logging
import os
import sys
from json import JSONEncoder
from typing import Any, ClassVar, TextIO, cast

import structlog
from structlog.stdlib import ExtraAdder, ProcessorFormatter, add_logger_name
from structlog.typing import EventDict, FilteringBoundLogger, Processor, WrappedLogger

from auzap.logs.line import Line
from auzap.logs.masks import mask
from auzap.logs.out import Handler, Out
from auzap.logs.quick import QuickJson

__all__ = ["Logger", "configure", "get_logger", "mask"]

#: they tell of every request and statement; of interest only when looking for a fault
_CHATTY = ("aiosqlite", "alembic", "asyncio", "httpcore", "httpx", "watchfiles")
#: it tells of every connection that a database took with it; what that means is told by whoever asked
_UPSET = "sqlalchemy.pool"
#: made once: ``json.dumps`` with arguments makes one for every line
_encode = JSONEncoder().encode


class Logger:
    """structlog's, with a short way for lines of ``info``: every message writes several of them."""

    #: of this process, where it logs JSON
    quick: ClassVar[QuickJson | None] = None

    def __init__(self, name: str) -> None:
        """:param name: of the module, such as ``auzap.pipeline``."""
        self._name = name
        self._structlog = cast("FilteringBoundLogger", structlog.get_logger(logger_name=name))

    def info(self, event: str, **fields: Any) -> None:
        if self.quick is None or not structlog.is_configured() or not self.quick.info(self._name, event, fields):
            self._structlog.info(event, **fields)

    def debug(self, event: str, **fields: Any) -> None:
        self._structlog.debug(event, **fields)

    def warning(self, event: str, **fields: Any) -> None:
        self._structlog.warning(event, **fields)

    def error(self, event: str, **fields: Any) -> None:
        self._structlog.error(event, **fields)

    def exception(self, event: str, **fields: Any) -> None:
        """With the error that is being handled."""
        self._structlog.exception(event, **fields)

    def bind(self, **fields: Any) -> FilteringBoundLogger:
        """For a plugin: everything that structlog's can do."""
        return self._structlog.bind(**fields)


def configure(
    *,
    json: bool | None = None,
    colour: bool | None = None,
    level: str = "info",
    show_phones: bool = False,
    process: int | None = None,
    stream: TextIO | None = None,
) -> None:
    """Set up logging for this process; may be called again.

    :param json: a JSON object a line; by default where ``stream`` is no terminal.
    :param colour: by default on a terminal, unless ``NO_COLOR`` is set.
    :param level: the least that is written: ``debug``, ``info``, ``warning``, ``error``. At ``debug`` errors bring
        their tracebacks, else one line.
    :param show_phones: write phone numbers out.
    :param process: its number among several that write to the same stream; each line says it.
    :param stream: by default standard error.
    """
    out = Out(sys.stderr if stream is None else stream, alone=process is None)
    as_json = not out.is_terminal if json is None else json
    in_colour = out.is_terminal and not os.environ.get("NO_COLOR") if colour is None else colour
    line = Line(
        people=not as_json,
        short=not as_json and out.is_terminal and level != "debug",
        tracebacks=level == "debug",
        show_phones=show_phones,
        process=process,
    )
    renderer: Processor = (
        structlog.processors.JSONRenderer(serializer=_as_json)
        if as_json
        else structlog.dev.ConsoleRenderer(colors=in_colour, sort_keys=False)
    )
    structlog.configure(
        processors=[line, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: out,
        # loggers of modules are made before this is called, and again for another stream
        cache_logger_on_first_use=False,
    )
    _configure_stdlib(Handler(out), [line, renderer], level)
    quick = as_json and level in ("debug", "info") and not show_phones
    Logger.quick = QuickJson(out.info, process=process) if quick else None


def get_logger(name: str) -> Logger:
    """:param name: of the module, such as ``auzap.pipeline``."""
    return Logger(name)


def _as_json(line: EventDict, **_: object) -> str:
    return _encode(line)


def _configure_stdlib(handler: Handler, processors: list[Processor], level: str) -> None:
    handler.setFormatter(
        ProcessorFormatter(
            foreign_pre_chain=[add_logger_name, ExtraAdder(), _without_formatted],
            processors=[ProcessorFormatter.remove_processors_meta, *processors],
        )
    )
    root = logging.getLogger()
    for old in [one for one in root.handlers if isinstance(one, Handler)]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level.upper())
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.NOTSET if level == "debug" else logging.WARNING)
    logging.getLogger(_UPSET).setLevel(logging.NOTSET if level == "debug" else logging.CRITICAL)


def _without_formatted(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Another handler's formatter leaves these on the record, where they look like what was logged beside the text."""
    event.pop("message", None)
    event.pop("asctime", None)
    return event
