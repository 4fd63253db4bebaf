"""Why a hook failed, in one line, for logs, rows and dead letters."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from pathlib import PurePath

from auzap.hooks.calls import Implementation
from auzap.hooks.check import Nonsense
from auzap.hooks.deadline import DeadlinePassed, SelfCancelled
from auzap.hooks.threads import AllBusy, LeftBehind
from auzap.model.errors import HookFailed, PluginPaused, cause_of

__all__ = ["failure_of", "one_line"]

#: characters of an error's text: it may quote a whole page
_LONGEST = 500


_STRAY = "raised CancelledError, but nobody cancelled it: it awaited something that was cancelled"


def failure_of(error: BaseException, one: Implementation) -> HookFailed:
    """What came out of a call, as the failure that it is. Its ``__cause__`` is what the plugin raised, if it raised."""
    match error:
        case DeadlinePassed():
            behind = None if isinstance(error.__cause__, (AllBusy, LeftBehind)) else error.__cause__
            return _failed(one, _too_late(error, one), behind)
        case SelfCancelled():
            return _failed(one, _STRAY, error.__cause__)
        case Nonsense():
            return _failed(one, str(error), None)
        # a plugin asked another one, whose failure it is
        case HookFailed() if error.plugin != one.plugin:
            return error
    paused = cause_of(error, PluginPaused)
    if paused is not None:
        return paused
    return _failed(one, _raised(error, one, _described), error, brief=_raised(error, one, _kind))


def _failed(one: Implementation, reason: str, cause: BaseException | None, *, brief: str | None = None) -> HookFailed:
    failure = HookFailed(one.plugin, one.hook, reason, brief=brief)
    failure.__cause__ = cause
    return failure


def _raised(error: BaseException, one: Implementation, describe: Callable[[BaseException], str]) -> str:
    """What the plugin raised, and where."""
    own = f" (its own, not the deadline of {one.timeout:g} s)" if isinstance(error, TimeoutError) else ""
    return f"raised {describe(error)}{own}{_place(error, one.file)}"


def _too_late(passed: DeadlinePassed, one: Implementation) -> str:
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


def _kind(error: BaseException) -> str:
    """Without its text."""
    first = f"; the first: {_kind(error.exceptions[0])}" if isinstance(error, BaseExceptionGroup) else ""
    return type(error).__name__ + first


def _place(error: BaseException, file: str) -> str:
    """The last line of the plugin's own that it came through, else where it was raised."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if frame.filename == file]
    if not frames:
        return ""
    frame = (own or frames)[-1]
    return f" ({'/'.join(PurePath(frame.filename).parts[-2:])}:{frame.lineno})"
