"""Configurations as tests write them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from auzap.config import Config, parse
from auzap.model.errors import ConfigError

__all__ = ["FILE", "TOP", "config_of", "mistakes_of", "tenant_of"]

FILE = Path("config.yaml")
#: three lines that every configuration needs; tests begin on the fourth
TOP = "queue: sqlite:///queue.db\ndatabase: sqlite:///auzap.db\n\n"


def config_of(text: str, env: Mapping[str, str] | None = None, *, tolerant: bool = False) -> Config:
    """``text`` below ``TOP``."""
    return parse(TOP + text, FILE, env or {}, tolerant=tolerant)


def tenant_of(text: str, env: Mapping[str, str] | None = None) -> Config:
    """A configuration of one tenant, ``pet``, whose mapping is ``text``, indented by four, from line 6."""
    return config_of(f"tenants:\n  pet:\n{text}", env)


def mistakes_of(text: str, env: Mapping[str, str] | None = None) -> list[str]:
    """The lines of the error that ``text`` below ``TOP`` raises."""
    try:
        config_of(text, env)
    except ConfigError as error:
        return str(error).splitlines()
    raise AssertionError("no mistake was found")
