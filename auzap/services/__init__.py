"""What plugins are handed: clock, HTTP client, store and outbox, each bound to its tenant and plugin."""

from auzap.services.clock import TenantClock
from auzap.services.kit import Kit

__all__ = ["Kit", "TenantClock"]
