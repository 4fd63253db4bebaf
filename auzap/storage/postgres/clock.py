"""The time as the server tells it: the clocks of the machines that write to one database differ."""

from __future__ import annotations

import math
import time
from datetime import UTC, datetime, timedelta
from typing import Final

__all__ = ["Clock"]


#: seconds after which two clocks may differ by a millisecond
_FRESH: Final = 10.0


class Clock:
    """Set by what the server told last, and never ahead of it: what it told was on its way."""

    def __init__(self) -> None:
        self._told = datetime.now(UTC)
        self._heard = -math.inf

    def hear(self, told: datetime) -> None:
        self._heard = time.monotonic()
        self._told = told

    @property
    def is_old(self) -> bool:
        return time.monotonic() - self._heard > _FRESH

    def now(self) -> datetime:
        if self._heard == -math.inf:
            return datetime.now(UTC)
        return self._told + timedelta(seconds=time.monotonic() - self._heard)
