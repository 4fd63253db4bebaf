"""Who is writing."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CLIENT", "OWNER", "Sender"]

OWNER = "owner"
CLIENT = "client"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Who is writing, as the first classifier that knew said it.

    :param role: ``owner``, ``client``, or a role of a plugin's own; a plugin's ``roles`` option filters by it.
    :param phone: digits without a plus sign, 5 to 15 of them.
    :param lid: the person's hidden address, ``<digits>@lid``.
    :param name: as the person, or the tenant's owners, call them.
    """

    role: str
    phone: str | None = None
    lid: str | None = None
    name: str | None = None
    #: the id of the row in ``owner_numbers``; only for owners
    owner_id: str | None = None
