"""Why there is no tenant to be used."""

from __future__ import annotations

from auzap.model.errors import AuzapError

__all__ = ["TenantAway", "TenantBroken", "TenantRefused", "TenantSuspended", "TenantUnknown"]


class TenantUnknown(AuzapError):
    """The configuration names no such tenant or instance."""


class TenantAway(AuzapError):
    """It cannot be used now; nothing of it may be lost.

    :param until: when to ask again at the latest (seconds since 1970).
    """

    def __init__(self, why: str, *, until: float) -> None:
        super().__init__(why)
        self.until = until


class TenantBroken(TenantAway):
    """A plugin or an option of the tenant is wrong; the others run."""


class TenantSuspended(TenantAway):
    """The configuration says ``suspended: true``."""


class TenantRefused(AuzapError):
    """A new version of a tenant cannot be built; what runs goes on."""
