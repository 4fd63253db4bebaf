"""Durations as people write them: ``250ms``, ``30s``, ``5m``, ``1h30m``, ``7d``."""

from __future__ import annotations

import re

__all__ = ["format_duration", "parse_duration"]

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d)")
#: a hundred years: more is a slip, and dates have an end
_LONGEST = 36525 * _UNITS["d"]


def parse_duration(text: object) -> float:
    """Seconds.

    :raises ValueError: it is not a duration; a bare number has no unit and is refused.
    """
    if isinstance(text, str):
        parts = _PART.findall(text)
        if parts and "".join(number + unit for number, unit in parts) == text:
            seconds = sum(float(number) * _UNITS[unit] for number, unit in parts)
            if seconds > _LONGEST:
                raise ValueError("longer than a hundred years")
            return seconds
        if re.fullmatch(r"[0-9]+(\.[0-9]+)?", text):
            raise ValueError(f"a duration needs a unit: write {text}s, {text}m or {text}h")
    elif isinstance(text, (int, float)) and not isinstance(text, bool):
        return float(text)
    raise ValueError(f"not a duration: {text!r}; write it like 250ms, 30s, 5m, 1h30m or 7d")


def format_duration(seconds: float) -> str:
    """As ``parse_duration`` takes it, in the largest unit that makes a whole number of it."""
    for unit in ("d", "h", "m", "s"):
        if seconds >= _UNITS[unit] and seconds % _UNITS[unit] == 0:
            return f"{seconds / _UNITS[unit]:.0f}{unit}"
    return f"{seconds * 1000:.15g}ms" if seconds else "0s"
