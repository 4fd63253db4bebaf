"""What is installed: plugins, backends and commands by name. Only what is asked for is imported."""

from __future__ import annotations

from auzap.registry.offers import Offer
from auzap.registry.registry import NotInstalled, PluginInfo, Registry

__all__ = ["NotInstalled", "Offer", "PluginInfo", "Registry"]
