"""What each hook call of a turn came to, for its trace.

The list of a turn is found by context, so that no call hands it on, and tasks that a plugin starts find it too.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Final, Literal

__all__ = ["KEPT", "MOST_STEPS", "Said", "Step"]

Said = Literal["answered", "passed", "failed"]

#: (hook, plugin, began, ended, said, error), times on the clock of ``time.monotonic()``: a tuple, because every call of
#: every message makes one
Step = tuple[str, str, float, float, Said, str | None]

#: of one turn; a plugin that asks its own hooks in a loop must not fill the memory
MOST_STEPS: Final = 200

#: where the calls of the present turn are kept; None: nowhere
KEPT: Final[ContextVar[list[Step] | None]] = ContextVar("auzap_steps", default=None)
