"""Log lines, for people on a terminal and as JSON for machines, with phone numbers masked.

Both structlog's events and the records of ``logging`` (plugins, aiohttp, Alembic) come out in one form, on one stream.
"""

from __future__ import annotations

import asyncio
import logging
import math
import os
import re
import sys
import threading
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from json import JSONEncoder
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO, cast

import structlog
from structlog.stdlib import ExtraAdder, ProcessorFormatter, add_logger_name
from structlog.typing import EventDict, FilteringBoundLogger, Processor, WrappedLogger

__all__ = ["configure", "get_logger", "mask"]

#: what stands under these names is an address, or has one in it
_ADDRESSES = frozenset(
    """chat chat_id contact_lid contact_phone from jid lane lid number owner owners participant phone remote_jid sender
    sender_phone to""".split()  # noqa: SIM905 - one a line would be a page
)
#: what stands under these names is made by auzap, and has no address in it
_OWN = frozenset(("timestamp", "level", "job_id", "row_id", "turn_id", "reply_id", "conversation_id"))
_WITH_PLUS = re.compile(r"\+[0-9][0-9 ().-]{5,24}[0-9]")
#: a JID's user; a Brazilian number. One pattern for both would cost three times as much
_JID_USER = re.compile(r"(?<![0-9])[0-9]{7,}+(?=[0-9._:-]{0,40}+@[a-z])")
_BRAZILIAN = re.compile(r"(?<![0-9A-Za-z-])55[0-9]{10,11}(?![0-9A-Za-z])")
_LONG_RUN = re.compile(r"[0-9]{7,}+")
#: what has none of it has no number: most texts are let through by this one search
_SUSPECT = re.compile(r"[0-9]{7}|\+[0-9]")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_TYPED = re.compile(r"[0-9 ().+-]{7,40}")
_HEAD, _TAIL = 4, 2
#: they tell of every request and statement; of interest only when looking for a fault
_CHATTY = ("aiosqlite", "alembic", "asyncio", "httpcore", "httpx")
_DEEPEST = 6
#: made once: ``json.dumps`` with arguments makes one for every line
_encode = JSONEncoder().encode
_EXC_CHARACTERS = 300

_ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None]


def configure(
    *,
    json: bool | None = None,
    colour: bool | None = None,
    level: str = "info",
    show_phones: bool = False,
    stream: TextIO | None = None,
) -> None:
    """Set up logging for this process; may be called again.

    :param json: a JSON object a line; by default where ``stream`` is no terminal.
    :param colour: by default on a terminal, unless ``NO_COLOR`` is set.
    :param level: the least that is written: ``debug``, ``info``, ``warning``, ``error``. At ``debug`` errors bring
        their tracebacks, else one line.
    :param show_phones: write phone numbers out.
    :param stream: by default standard error.
    """
    out = _Out(sys.stderr if stream is None else stream)
    as_json = not out.is_terminal if json is None else json
    in_colour = out.is_terminal and not os.environ.get("NO_COLOR") if colour is None else colour
    line = _Line(
        people=not as_json,
        short=not as_json and out.is_terminal and level != "debug",
        tracebacks=level == "debug",
        show_phones=show_phones,
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
    _configure_stdlib(_Handler(out), [line, renderer], level)


def get_logger(name: str) -> FilteringBoundLogger:
    """:param name: of the module, such as ``auzap.pipeline``."""
    return cast("FilteringBoundLogger", structlog.get_logger(logger_name=name))


def mask(text: str) -> str:
    """Phone numbers and JIDs in a text, their middle digits as stars: ``5511*******01``."""
    if not _SUSPECT.search(text):
        return text
    return _BRAZILIAN.sub(_starred, _JID_USER.sub(_starred, _WITH_PLUS.sub(_starred, text)))


def _as_json(line: EventDict, **_: object) -> str:
    return _encode(line)


class _Out:
    """The stream. What cannot be written any more is dropped: a closed terminal must not stop the work.

    Lines that the event loop writes in one of its rounds leave together at its end: at every write to a file other
    threads take the interpreter, and it takes long to get it back. What is worse than ``info`` leaves at once, and so
    does what other threads write.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        # reentrant: what the garbage collector ends while a line is written may log too
        self._lock = threading.RLock()
        self._waiting: list[str] = []
        self.is_terminal = stream.isatty()

    def write(self, line: str) -> None:
        with self._lock:
            self._waiting.append(line)
            self.flush()

    def write_soon(self, line: str) -> None:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self.write(line)
            return
        with self._lock:
            if not self._waiting:
                loop.call_soon(self.flush)
            self._waiting.append(line)

    def flush(self) -> None:
        with self._lock:
            lines, self._waiting = self._waiting, []
            if not lines:
                return
            try:
                self._put("\n".join((*lines, "")))
            except (OSError, ValueError):  # gone, or closed
                return

    # structlog calls what the level is called
    debug = info = write_soon
    warning = error = critical = write

    def _put(self, text: str) -> None:
        try:
            self._stream.write(text)
        except UnicodeEncodeError as error:
            self._stream.write(text.encode(error.encoding, "backslashreplace").decode(error.encoding))
        self._stream.flush()


class _Handler(logging.Handler):
    def __init__(self, out: _Out) -> None:
        super().__init__()
        self._out = out

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = self.format(record)
        except Exception:  # noqa: BLE001 - arguments that do not fit the text; told as logging tells it
            self.handleError(record)
        else:
            self._out.write(line)


def _configure_stdlib(handler: _Handler, processors: list[Processor], level: str) -> None:
    handler.setFormatter(
        ProcessorFormatter(
            foreign_pre_chain=[add_logger_name, ExtraAdder(), _without_formatted],
            processors=[ProcessorFormatter.remove_processors_meta, *processors],
        )
    )
    root = logging.getLogger()
    for old in [one for one in root.handlers if isinstance(one, _Handler)]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level.upper())
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.NOTSET if level == "debug" else logging.WARNING)


def _without_formatted(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Another handler's formatter leaves these on the record, where they look like what was logged beside the text."""
    event.pop("message", None)
    event.pop("asctime", None)
    return event


class _Line:
    """structlog's processor: time, level, event and the rest in this order, errors short, addresses masked.

    :param people: for a terminal: a short time, no control characters, no names of our own modules.
    :param short: ids by their ends, so that a line fits; where something is wrong they are to be copied, and whole.
    """

    def __init__(self, *, people: bool, short: bool, tracebacks: bool, show_phones: bool) -> None:
        self._people = people
        self._short = short
        self._tracebacks = tracebacks
        self._show_phones = show_phones

    def __call__(self, logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
        own: dict[str, Any] = {"timestamp": self._time(), "level": method, "event": event.pop("event", "")}
        error = event.pop("exc_info", None)
        name = str(event.pop("logger_name", None) or event.pop("logger", ""))
        if name and not (self._people and name.startswith("auzap")):
            own["logger"] = name
        line = {**own, **event, **own}
        if error and (found := _exc_info(error)):
            line["exception" if self._tracebacks else "exc"] = self._told(found)
        safe = {
            key: value if key in _OWN and isinstance(value, str) else self._safe(key, value, _DEEPEST)
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
            return self._text(key, str(value)) if key in _ADDRESSES else value
        if isinstance(value, float):
            return value if math.isfinite(value) else str(value)
        if isinstance(value, Mapping) and depth:
            return {str(name): self._safe(str(name), inner, depth - 1) for name, inner in value.items()}
        if isinstance(value, (list, tuple, set, frozenset)) and depth:
            return [self._safe(key, inner, depth - 1) for inner in value]
        return self._text(key, _written(value))

    def _text(self, key: str, text: str) -> str:
        if not self._show_phones:
            text = mask(text)
            if key in _ADDRESSES:
                text = _starred_all(text)
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


def _starred_all(text: str) -> str:
    """Of a text that is an address itself, or has one in it."""
    return _starred_digits(text) if _TYPED.fullmatch(text) else _LONG_RUN.sub(_starred, text)


def _starred(found: re.Match[str]) -> str:
    return _starred_digits(found[0])


def _starred_digits(text: str) -> str:
    if text.isdecimal():
        return text[:_HEAD] + "*" * (len(text) - _HEAD - _TAIL) + text[-_TAIL:]
    places = [place for place, character in enumerate(text) if character.isdigit()]
    hidden = set(places[_HEAD:-_TAIL])
    return "".join("*" if place in hidden else character for place, character in enumerate(text))


def _escaped(character: str) -> str:
    return ascii(character)[1:-1]
