"""The terminal as a WhatsApp number: `console` waits for typing, `demo` plays a short script first."""

from __future__ import annotations

from auzap.channels.console.chat import Chat
from auzap.channels.console.console import Console
from auzap.channels.console.demo import Demo

__all__ = ["Chat", "Console", "Demo"]
