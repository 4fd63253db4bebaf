"""The assistant for a business's customers."""

from __future__ import annotations

from auzap_client_ai.plugin import ClientAI

__all__ = ["ClientAI"]
