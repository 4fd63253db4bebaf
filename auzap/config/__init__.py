"""The configuration file: YAML with positions, secrets, models."""

from __future__ import annotations

from auzap.config.load import load, parse
from auzap.config.memory import Memory
from auzap.config.models import Config
from auzap.config.seen import Seen

__all__ = ["Config", "Memory", "Seen", "load", "parse"]
