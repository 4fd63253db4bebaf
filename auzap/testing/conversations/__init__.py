"""Conversations as data: YAML files that say who writes what, and what the bot answers."""

from __future__ import annotations

from auzap.testing.conversations.play import Difference, Played, play
from auzap.testing.conversations.read import Conversation, Expect, Say, Step, Wait, find_files, read

__all__ = ["Conversation", "Difference", "Expect", "Played", "Say", "Step", "Wait", "find_files", "play", "read"]
