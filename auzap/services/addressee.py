"""Whom a message goes to that answers nothing: a customer, who becomes a contact, or somebody who does not."""

from __future__ import annotations

from collections.abc import Iterable

from auzap.model.jids import chat_kind, contact_of
from auzap.model.phones import same_person
from auzap.storage.store import Person, Store

__all__ = ["customer", "customer_in"]


async def customer(
    store: Store, organization_id: str, phone: str | None, lid: str | None = None, *, owners: Iterable[str] = ()
) -> Person | None:
    """None for owners, who never become contacts.

    :param phone: digits.
    :param owners: the digits of those who may have no rows yet.
    """
    known = await store.owners(organization_id)
    phones = [*(owner.phone for owner in known), *owners]
    if any(same_person(phone, owner) for owner in phones) or any(lid in owner.lids for owner in known):
        return None
    return Person(phone=phone, lid=lid, name=None)


async def customer_in(store: Store, organization_id: str, chat_id: str) -> Person | None:
    """Whose chat it is; None for an owner's, a group's, and whatever is no person's."""
    if chat_kind(chat_id) != "direct":
        return None
    phone, lid = contact_of([chat_id])
    return await customer(store, organization_id, phone, lid) if phone or lid else None
