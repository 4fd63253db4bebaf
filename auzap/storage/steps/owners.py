"""Numbers that belong to the business's owners."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from auzap.model.keys import new_id
from auzap.model.phones import phone_key, typed_digits
from auzap.storage.steps.tx import Tx

__all__ = ["OwnerLid", "OwnerPhones", "digits_of", "ensure_owners", "remember_owner_lid"]


@dataclass(frozen=True, slots=True)
class OwnerPhones:
    organization_id: str
    phones: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OwnerLid:
    organization_id: str
    owner_id: str
    lid: str


def ensure_owners(tx: Tx, wanted: Sequence[OwnerPhones]) -> list[None]:
    now = tx.now()
    tx.alone({one.organization_id for one in wanted})
    for one in wanted:
        known = {_key(phone) for (phone,) in tx.execute("OWNER_PHONES", (one.organization_id,))}
        for phone in one.phones:
            if _key(phone) not in known:
                known.add(_key(phone))
                tx.write("INSERT_OWNER", [(new_id(), one.organization_id, digits_of(phone), now)])
    return [None] * len(wanted)


def remember_owner_lid(tx: Tx, seen: Sequence[OwnerLid]) -> list[None]:
    newest = {(one.organization_id, one.lid): one.owner_id for one in seen}
    tx.write("LINK_OWNER", [(*key, owner_id) for key, owner_id in newest.items()])
    return [None] * len(seen)


def digits_of(phone: str) -> str:
    """A number's digits; people wrote it, in the YAML or into the table, in whatever form."""
    return typed_digits(phone) or phone


def _key(phone: str) -> str:
    digits = digits_of(phone)
    return phone_key(digits) or digits
