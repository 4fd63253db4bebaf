"""Every call of a plugin's hooks, and the strict registration before them."""

from __future__ import annotations

from auzap.hooks.calls import Call, Calls
from auzap.hooks.circuit import Paused
from auzap.hooks.own import Own
from auzap.hooks.register import RegisteredPlugin
from auzap.hooks.tenant import Answered, TenantHooks

__all__ = ["Answered", "Call", "Calls", "Own", "Paused", "RegisteredPlugin", "TenantHooks"]
