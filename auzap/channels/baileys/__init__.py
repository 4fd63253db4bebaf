"""Baileys, the unofficial WhatsApp Web client, behind an HTTP gateway."""

from __future__ import annotations

from auzap.channels.baileys.channel import Baileys

__all__ = ["Baileys"]
