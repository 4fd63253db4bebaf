"""The configuration file: YAML with positions, secrets, models."""

from __future__ import annotations

from auzap.config.load import load, parse
from auzap.config.models import Config

__all__ = ["Config", "load", "parse"]
