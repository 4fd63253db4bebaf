"""What was found."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from auzap.model.errors import AuzapError, ConfigError

__all__ = ["Report", "TenantLine"]


@dataclass(frozen=True, slots=True)
class TenantLine:
    """A tenant that can run.

    :param plugins: in the order in which they are asked.
    :param instances: name -> channel.
    """

    id: str
    plugins: tuple[str, ...]
    instances: dict[str, str]
    suspended: bool = False


@dataclass(slots=True)
class Report:
    """Every finding is one line.

    :param mistakes: what is to be mended.
    :param warnings: what is not wrong, and may lose something.
    :param notes: what may well be meant.
    :param queue: the state of the queue, in words; None when it could not be looked at.
    :param queue_facts: what the queue's server says of itself; only when it was asked.
    :param database: as ``queue``.
    :param gateways: ``tenant/instance`` -> the state of its provider; only what was asked.
    """

    mistakes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    tenants: list[TenantLine] = field(default_factory=list)
    queue: str | None = None
    queue_facts: list[str] = field(default_factory=list)
    database: str | None = None
    gateways: dict[str, str] = field(default_factory=dict)
    _told: set[str] = field(default_factory=set)

    def mistake(self, error: AuzapError, whose: str = "") -> None:
        """:param whose: what it is about, where the error does not name a place in the file."""
        before = "" if isinstance(error, ConfigError) or not whose else f"{whose}: "
        self.add(f"{before}{line}" for line in str(error).splitlines())

    def add(self, lines: Iterable[str]) -> None:
        """Mistakes; one that was told already, of another tenant, is not told again."""
        fresh = [line for line in dict.fromkeys(lines) if line not in self._told]
        self._told.update(fresh)
        self.mistakes += fresh

    def note(self, line: str) -> None:
        if line not in self._told:
            self._told.add(line)
            self.notes.append(line)

    def as_json(self) -> dict[str, Any]:
        return {
            "ok": not self.mistakes,
            "mistakes": self.mistakes,
            "warnings": self.warnings,
            "notes": self.notes,
            "plugins": {one.id: list(one.plugins) for one in self.tenants},
            "suspended": [one.id for one in self.tenants if one.suspended],
            "queue": self.queue,
            "queue_facts": self.queue_facts,
            "database": self.database,
            "gateways": self.gateways,
        }
