"""What there is, before anything of it is imported."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import EntryPoint
from typing import Protocol

__all__ = ["Entry", "Offer", "Source"]


@dataclass(frozen=True, slots=True)
class Offer:
    """What a distribution, or a file in a folder of plugins, says it has; nothing of it is imported."""

    name: str
    #: the distribution's name; a file's path
    distribution: str
    #: a file has none
    version: str | None
    #: ``module:Class``; a file's path
    value: str

    @property
    def source(self) -> str:
        """Where it comes from, for people."""
        return self.distribution if self.version is None else f"{self.distribution} {self.version}"

    def __str__(self) -> str:
        return self.source if self.version is None else f"{self.source} ({self.value})"


class Source(Protocol):
    """Where one thing is loaded from."""

    @property
    def name(self) -> str: ...

    @property
    def offer(self) -> Offer: ...

    def load(self) -> object:
        """Import it: another author's code runs, and may raise anything."""
        ...

    def owns(self, module: str, file: str) -> bool:
        """Whether this is code of its author: a module's name, and its file."""
        ...


class Entry:
    """An entry point of a distribution."""

    def __init__(self, entry: EntryPoint) -> None:
        self._entry = entry
        self.name = entry.name

    @cached_property  # name and version stand in a file that takes a while to be read
    def offer(self) -> Offer:
        distribution = self._entry.dist
        if distribution is None:
            return Offer(self.name, "?", "?", self._entry.value)
        return Offer(self.name, distribution.name, distribution.version, self._entry.value)

    def load(self) -> object:
        return self._entry.load()

    def owns(self, module: str, file: str) -> bool:
        package = self._entry.value.partition(":")[0].strip().partition(".")[0]
        return module.partition(".")[0] == package
