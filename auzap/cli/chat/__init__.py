"""``auzap chat``: a conversation in the terminal, on the real pipeline."""

from __future__ import annotations

from auzap.cli.chat.command import chat

__all__ = ["chat"]
