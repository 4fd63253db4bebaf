"""What the pipeline needs of one tenant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from auzap.config.models import TenantConfig
from auzap.contract.channel import Channel
from auzap.contract.plugin import Plugin, TenantInfo
from auzap.hooks import TenantHooks
from auzap.model.turn import TenantStore
from auzap.tenants.owners import OwnerBook

__all__ = ["Tenant"]


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Tenant:
    info: TenantInfo
    config: TenantConfig
    hooks: TenantHooks
    #: by their names in the YAML, in its order
    plugins: Mapping[str, Plugin]
    #: instance id -> its connected number
    channels: Mapping[str, Channel]
    store: TenantStore
    owners: OwnerBook
    #: phone keys of a pilot, who alone are answered; None: everybody is
    only: frozenset[str] | None
