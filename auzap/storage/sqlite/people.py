"""Who a customer is: contact and active conversation, found or made once.

Everything here runs inside a writing transaction, which only one process has at a time; that alone keeps ten first
messages of one person from making ten contacts.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from auzap.model.keys import new_id
from auzap.model.phones import phone_forms, phone_key
from auzap.storage.sqlite import statements as sql
from auzap.storage.sqlite.tx import Tx
from auzap.storage.store import Person
from auzap.storage.texts import storable

__all__ = ["Conversation", "People"]


@dataclass(frozen=True, slots=True)
class Conversation:
    id: str
    ai_enabled: bool
    taken_over_at: str | None


@dataclass(frozen=True, slots=True)
class _Address:
    """One way to know a person."""

    kind: str
    value: str
    #: how it may stand in ``contacts.phone``
    forms: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Contact:
    id: str
    phone: str
    created_at: str | None

    @property
    def age(self) -> tuple[str, str]:
        """The oldest sorts first."""
        return self.created_at or "", self.id


class People:
    def __init__(self, tx: Tx) -> None:
        self._tx = tx
        #: of whom is known what: organization, kind and value -> contact, None where there is none
        self._linked: dict[tuple[str, str, str], _Contact | None] = {}
        #: organization and contact -> the active conversation
        self._actives: dict[tuple[str, str], Conversation] = {}

    def look_up(self, persons: Iterable[tuple[str, Person]]) -> None:
        """Read all people of a group at once."""
        keys = {(org, address.kind, address.value) for org, person in persons for address in _addresses(person)}
        self._linked.update(dict.fromkeys(keys))
        for organization_id, kind, value, *contact, conversation, ai_enabled, taken_over_at in self._tx.select(
            sql.PEOPLE, list(keys)
        ):
            known = self._linked[organization_id, kind, value] = _Contact(*contact)
            if conversation is not None:
                active = conversation_of((conversation, ai_enabled, taken_over_at))
                self._actives[organization_id, known.id] = active

    def contact(self, organization_id: str, person: Person, now: str) -> str | None:
        """The id of the person's contact, made where there is none; None for a person without an address.

        Phone and LID may have led to two contacts: the older one is the person from now on.
        """
        addresses = _addresses(person)
        if not addresses:
            return None
        known: list[_Contact] = []
        unlinked: list[_Address] = []
        for address in addresses:
            contact, linked = self._find(organization_id, address)
            if contact is not None and contact not in known:
                known.append(contact)
            if not linked:
                unlinked.append(address)
        if not known:
            known.append(self._new(organization_id, person, now))
        winner, *losers = sorted(known, key=lambda contact: contact.age)
        for loser in losers:
            self._merge(organization_id, winner.id, loser.id)
        for address in unlinked:
            self._tx.execute(sql.LINK, (organization_id, address.kind, address.value, winner.id))
            self._linked[organization_id, address.kind, address.value] = winner
        if person.phone and winner.phone.endswith("@lid"):
            name = storable(person.name or person.phone)
            self._tx.execute(sql.NAME_PHONE, (person.phone, name, now, winner.id))
            self._linked.clear()
        return winner.id

    def conversation(self, organization_id: str, contact_id: str, instance_id: str, now: str) -> Conversation:
        """The contact's active conversation, made where there is none."""
        active = self._active(organization_id, contact_id)
        if active is None:
            active = Conversation(new_id(), ai_enabled=True, taken_over_at=None)
            self._tx.execute(
                sql.INSERT_CONVERSATION, (active.id, organization_id, instance_id, contact_id, now, now, now)
            )
            self._activate(organization_id, contact_id, active)
        return active

    def active_conversations(self, organization_id: str, person: Person) -> list[Conversation]:
        """Those that the person has now; nothing is made."""
        contacts = {
            contact.id
            for address in _addresses(person)
            if (contact := self._find(organization_id, address)[0]) is not None
        }
        found = (self._active(organization_id, contact_id) for contact_id in sorted(contacts))
        return [conversation for conversation in found if conversation is not None]

    def _find(self, organization_id: str, address: _Address) -> tuple[_Contact | None, bool]:
        """The contact, and whether the address is known to be its."""
        linked = self._contact_of(organization_id, address)
        if linked is not None:
            return linked, True
        found = self._tx.execute(sql.CONTACT_BY_PHONE, (organization_id, json.dumps(address.forms)))
        return (_Contact(*found[0]) if found else None), False

    def _contact_of(self, organization_id: str, address: _Address) -> _Contact | None:
        key = (organization_id, address.kind, address.value)
        if key not in self._linked:
            found = self._tx.execute(sql.CONTACT_BY_IDENTITY, key)
            self._linked[key] = _Contact(*found[0]) if found else None
        return self._linked[key]

    def _new(self, organization_id: str, person: Person, now: str) -> _Contact:
        phone = person.phone or person.lid or ""
        contact = _Contact(new_id(), phone, now)
        name = storable(person.name or phone)
        self._tx.execute(sql.INSERT_CONTACT, (contact.id, organization_id, phone, name, now, now))
        return contact

    def _merge(self, organization_id: str, winner: str, loser: str) -> None:
        """The loser keeps its row and its closed conversations; nobody is found as it any more."""
        self._tx.execute(sql.RELINK, (winner, organization_id, loser))
        self._linked.clear()
        self._actives.clear()
        moving = self._active(organization_id, loser)
        self._tx.execute(sql.DEACTIVATE, (organization_id, loser))
        self._actives.clear()
        if moving is None:
            return
        staying = self._active(organization_id, winner)
        if staying is None:
            self._tx.execute(sql.MOVE_CONVERSATION, (winner, moving.id))
            self._activate(organization_id, winner, moving)
            return
        self._tx.execute(sql.CLOSE_CONVERSATION, (moving.id,))
        if not moving.ai_enabled:  # whoever answers this person goes on to do so
            self._tx.execute(sql.STAY_SILENT, (moving.taken_over_at, staying.id))
            self._actives.clear()

    def _active(self, organization_id: str, contact_id: str) -> Conversation | None:
        """The one that ``auzap_active`` names; if that was closed elsewhere, the newest that is active."""
        known = self._actives.get((organization_id, contact_id))
        if known is not None:
            return known
        for found in self._tx.execute(sql.ACTIVE_CONVERSATION, (organization_id, contact_id)):
            return conversation_of(found)
        for found in self._tx.execute(sql.NEWEST_CONVERSATION, (organization_id, contact_id)):
            newest = conversation_of(found)
            self._activate(organization_id, contact_id, newest)
            return newest
        return None

    def _activate(self, organization_id: str, contact_id: str, conversation: Conversation) -> None:
        self._tx.execute(sql.ACTIVATE, (organization_id, contact_id, conversation.id))
        self._actives[organization_id, contact_id] = conversation


def conversation_of(row: tuple[str, int | None, str | None]) -> Conversation:
    """:param row: of a table that may be older than auzap: an empty ``ai_enabled`` is AI on."""
    return Conversation(row[0], ai_enabled=row[1] is None or bool(row[1]), taken_over_at=row[2])


def _addresses(person: Person) -> list[_Address]:
    addresses: list[_Address] = []
    if person.phone:
        key = phone_key(person.phone)
        forms = phone_forms(key) if key is not None else (person.phone,)
        addresses.append(_Address("phone", key or person.phone, forms))
    if person.lid:
        addresses.append(_Address("lid", person.lid, (person.lid,)))
    return addresses
