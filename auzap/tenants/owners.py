"""Who owns the business: by number, or by a LID that was seen beside the number."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from auzap.model.message import Message
from auzap.model.phones import phone_key
from auzap.storage.store import Owner, Store

__all__ = ["OwnerBook"]

#: seconds until a change of the table is noticed
_FRESH = 5.0


@dataclass(frozen=True, slots=True)
class _Page:
    read_at: float
    by_key: dict[str, Owner]
    by_lid: dict[str, Owner]


class OwnerBook:
    """One tenant's owners, read from the table again when older than five seconds.

    :param clock: seconds, from anywhere.
    """

    def __init__(self, organization_id: str, store: Store, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._organization_id = organization_id
        self._store = store
        self._clock = clock
        self._page: _Page | None = None

    async def find(self, message: Message) -> Owner | None:
        """The owner who wrote it, if one did. An empty table matches nobody."""
        page = await self._fresh_page()
        key = phone_key(message.contact_phone)
        if key is not None and (owner := page.by_key.get(key)) is not None:
            if message.contact_lid is not None and message.contact_lid not in owner.lids:
                await self._remember(owner, message.contact_lid)
            return owner
        return page.by_lid.get(message.contact_lid) if message.contact_lid is not None else None

    async def _fresh_page(self) -> _Page:
        page = self._page
        if page is None or self._clock() - page.read_at > _FRESH:
            page = self._page = _page(await self._store.owners(self._organization_id), self._clock())
        return page

    async def _remember(self, owner: Owner, lid: str) -> None:
        await self._store.remember_owner_lid(self._organization_id, owner.id, lid)
        self._page = None


def _page(owners: list[Owner], read_at: float) -> _Page:
    by_key: dict[str, Owner] = {}
    by_lid: dict[str, Owner] = {}
    for owner in owners:
        key = phone_key(owner.phone)
        if key is not None:
            by_key.setdefault(key, owner)
        for lid in owner.lids:
            by_lid.setdefault(lid, owner)
    return _Page(read_at, by_key, by_lid)
