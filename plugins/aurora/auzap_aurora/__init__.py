"""Aurora: the assistant of the business's owner."""

from __future__ import annotations

from auzap_aurora.plugin import Aurora

__all__ = ["Aurora"]
