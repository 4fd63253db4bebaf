"""One tenant as one configuration makes it, and how many use it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from auzap.tenants.channels import Connection
from auzap.tenants.lifespans import Owner
from auzap.tenants.runtime import Tenant

__all__ = ["Key", "Version"]

#: what the tenant's configuration says, and what it gets from the top: when they are equal, so are the versions
Key = tuple[str, float]


class Version:
    """Stays as it is for whoever has begun to use it, also when there is a newer one.

    :param unused: called when the last of its users has left.
    """

    __slots__ = (
        "_unused",
        "began",
        "closed",
        "connections",
        "idle_since",
        "key",
        "owner",
        "retired",
        "tenant",
        "users",
    )

    def __init__(
        self,
        tenant: Tenant,
        key: Key,
        connections: Mapping[str, Connection],
        owner: Owner | None,
        *,
        began: float,
        unused: Callable[[Version], None],
    ) -> None:
        self.tenant = tenant
        self.key = key
        #: by instance
        self.connections = connections
        #: keeps the lifespans of its plugins open; None where no plugin has one
        self.owner = owner
        self.users = 0
        #: nobody new gets it
        self.retired = False
        self.closed = False
        #: on the clock of ``time.monotonic()``
        self.began = self.idle_since = began
        self._unused = unused

    def leave(self) -> None:
        """Once for each ``Tenants.take``."""
        self.users -= 1
        if not self.users:
            self._unused(self)
