"""Why a hook failed, in one line, for logs, rows and dead letters."""

from __future__ import annotations

import traceback
from pathlib import PurePath

from auzap.hooks.calls import Implementation
from auzap.hooks.deadline import DeadlinePassed
from auzap.hooks.threads import AllBusy, LeftBehind

__all__ = ["one_line", "raised_reason", "too_late_reason"]

#: characters of an error's text: it may quote a whole page
_LONGEST = 500


def raised_reason(error: BaseException, one: Implementation) -> str:
    """What the plugin raised, and where."""
    own = f" (its own, not the deadline of {one.timeout:g} s)" if isinstance(error, TimeoutError) else ""
    return f"raised {_described(error)}{own}{_place(error, one.file)}"


def too_late_reason(passed: DeadlinePassed, one: Implementation) -> str:
    """What came of the deadline."""
    reason = f"no answer within {one.timeout:g} s"
    behind = passed.__cause__
    if isinstance(behind, AllBusy):
        return f"no thread was free within {one.timeout:g} s: {behind}"
    if isinstance(behind, LeftBehind):
        return f"{reason}; {behind}"
    if passed.left_behind:
        return f"{reason}; it does not end when it is cancelled, and was left behind"
    return reason


def one_line(text: str) -> str:
    """Fit for a log, a column and a terminal, whatever is in it."""
    text = " ".join(text.split())
    if len(text) > _LONGEST:
        text = text[: _LONGEST - 1] + "…"
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")


def _described(error: BaseException) -> str:
    name = type(error).__name__
    try:
        text = one_line(str(error))
    except Exception as unreadable:  # noqa: BLE001 - a plugin's __str__; told instead of the text
        text = f"its text raises {type(unreadable).__name__}"
    described = f"{name}: {text}" if text else name
    if isinstance(error, BaseExceptionGroup):
        described += "; the first: " + _described(error.exceptions[0])
    return described


def _place(error: BaseException, file: str) -> str:
    """The last line of the plugin's own that it came through, else where it was raised."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if frame.filename == file]
    if not frames:
        return ""
    frame = (own or frames)[-1]
    return f" ({'/'.join(PurePath(frame.filename).parts[-2:])}:{frame.lineno})"
