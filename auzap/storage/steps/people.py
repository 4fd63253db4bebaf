"""Who a customer is: contact and active conversation, found or made once.

Whatever is made or joined here is made by one process at a time (``Tx.alone``); that alone keeps ten first messages of
one person from making ten contacts. A message of somebody who is known waits for nobody.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from auzap.model.keys import new_id
from auzap.model.phones import phone_forms, phone_key
from auzap.storage.steps.tx import Tx
from auzap.storage.store import Person
from auzap.storage.texts import storable

__all__ = ["Conversation", "People", "addresses_of", "conversation_of"]


@dataclass(frozen=True, slots=True)
class Conversation:
    id: str
    ai_enabled: bool
    taken_over_at: Any


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
    #: of a table that may be older than auzap: may be None
    created_at: Any

    @property
    def age(self) -> tuple[bool, Any, str]:
        """The oldest sorts first."""
        return self.created_at is not None, self.created_at, self.id


class People:
    def __init__(self, tx: Tx) -> None:
        self._tx = tx
        self._persons: dict[Person, list[_Address]] = {}
        #: of whom is known what: organization, kind and value -> contact, None where there is none
        self._linked: dict[tuple[str, str, str], _Contact | None] = {}
        #: organization and contact -> the active conversation
        self._actives: dict[tuple[str, str], Conversation] = {}
        #: organization and ``contacts.phone`` -> whose it is, as long as nothing was changed here
        self._phones: dict[tuple[str, str], list[_Contact]] = {}
        #: contacts made here: they have no conversation that is not known
        self._made: set[str] = set()
        #: conversations that became part of another one here
        self.closed: set[str] = set()

    def look_up(self, persons: Iterable[tuple[str, Person]]) -> None:
        """Read all people of a group at once."""
        known = [(organization_id, person, self._addresses(person)) for organization_id, person in persons]
        self._read({(org, one.kind, one.value) for org, _, addresses in known for one in addresses})
        unsettled = [
            (org, addresses) for org, person, addresses in known if not self._is_settled(org, person, addresses)
        ]
        if unsettled and self._tx.alone({organization_id for organization_id, _ in unsettled}):
            self._read({(org, one.kind, one.value) for org, addresses in unsettled for one in addresses})
        self._read_phones(
            {
                (org, form)
                for org, addresses in unsettled
                for one in addresses
                if self._linked[org, one.kind, one.value] is None
                for form in one.forms
            }
        )

    def _addresses(self, person: Person) -> list[_Address]:
        known = self._persons.get(person)
        if known is None:
            known = self._persons[person] = addresses_of(person)
        return known

    def _read(self, keys: set[tuple[str, str, str]]) -> None:
        self._linked.update(dict.fromkeys(keys))
        for organization_id, kind, value, *contact, conversation, ai_enabled, taken_over_at in self._tx.select(
            "PEOPLE", list(keys)
        ):
            known = self._linked[organization_id, kind, value] = _Contact(*contact)
            if conversation is not None:
                active = conversation_of((conversation, ai_enabled, taken_over_at))
                self._actives[organization_id, known.id] = active

    def _read_phones(self, phones: set[tuple[str, str]]) -> None:
        """Contacts that no address leads to yet, by ``contacts.phone``."""
        self._phones.update((key, []) for key in phones)
        for organization_id, phone, *contact in self._tx.select("CONTACTS_BY_PHONES", list(phones)):
            self._phones[organization_id, phone].append(_Contact(*contact))

    def _is_settled(self, organization_id: str, person: Person, addresses: Sequence[_Address]) -> bool:
        """Whether all addresses lead to one contact, which has a conversation and will stay as it is."""
        contacts = {self._linked[organization_id, one.kind, one.value] for one in addresses}
        if len(contacts) != 1:
            return not contacts
        (contact,) = contacts
        if contact is None or (organization_id, contact.id) not in self._actives:
            return False
        return not (person.phone and contact.phone.endswith("@lid"))

    def contact(self, organization_id: str, person: Person, now: Any) -> str | None:
        """The id of the person's contact, made where there is none; None for a person without an address.

        Phone and LID may have led to two contacts: the older one is the person from now on.
        """
        addresses = self._addresses(person)
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
            self._tx.write("LINK", [(organization_id, address.kind, address.value, winner.id)])
            self._linked[organization_id, address.kind, address.value] = winner
        if person.phone and winner.phone.endswith("@lid"):
            name = storable(person.name or person.phone)
            self._tx.execute("NAME_PHONE", (person.phone, name, now, winner.id))
            self._forget()
        return winner.id

    def conversation(self, organization_id: str, contact_id: str, instance_id: str, now: Any) -> Conversation:
        """The contact's active conversation, made where there is none."""
        active = self._active(organization_id, contact_id)
        if active is None:
            active = Conversation(new_id(), ai_enabled=True, taken_over_at=None)
            self._tx.write(
                "INSERT_CONVERSATION", [(active.id, organization_id, instance_id, contact_id, now, now, now)]
            )
            self._activate(organization_id, contact_id, active)
        return active

    def active_conversations(self, organization_id: str, person: Person) -> list[Conversation]:
        """Those that the person has now; nothing is made."""
        contacts = {
            contact.id
            for address in self._addresses(person)
            if (contact := self._find(organization_id, address)[0]) is not None
        }
        found = (self._active(organization_id, contact_id) for contact_id in sorted(contacts))
        return [conversation for conversation in found if conversation is not None]

    def _find(self, organization_id: str, address: _Address) -> tuple[_Contact | None, bool]:
        """The contact, and whether the address is known to be its."""
        linked = self._contact_of(organization_id, address)
        if linked is not None:
            return linked, True
        if all((organization_id, form) in self._phones for form in address.forms):
            read = [contact for form in address.forms for contact in self._phones[organization_id, form]]
            return min(read, key=lambda contact: contact.age, default=None), False
        found = self._tx.execute("CONTACT_BY_PHONE", (organization_id, self._tx.array(address.forms)))
        return (_Contact(*found[0]) if found else None), False

    def _contact_of(self, organization_id: str, address: _Address) -> _Contact | None:
        key = (organization_id, address.kind, address.value)
        if key not in self._linked:
            found = self._tx.execute("CONTACT_BY_IDENTITY", key)
            self._linked[key] = _Contact(*found[0]) if found else None
        return self._linked[key]

    def _new(self, organization_id: str, person: Person, now: Any) -> _Contact:
        phone = person.phone or person.lid or ""
        contact = _Contact(new_id(), phone, now)
        name = storable(person.name or phone)
        self._tx.write("INSERT_CONTACT", [(contact.id, organization_id, phone, name, now, now)])
        self._made.add(contact.id)
        return contact

    def _merge(self, organization_id: str, winner: str, loser: str) -> None:
        """The loser keeps its row and its closed conversations; nobody is found as it any more."""
        self._tx.execute("RELINK", (winner, organization_id, loser))
        self._forget()
        moving = self._active(organization_id, loser)
        self._tx.execute("DEACTIVATE", (organization_id, loser))
        self._actives.clear()
        if moving is None:
            return
        staying = self._active(organization_id, winner)
        if staying is None:
            self._tx.execute("MOVE_CONVERSATION", (winner, moving.id))
            self._activate(organization_id, winner, moving)
            return
        self._tx.execute("CLOSE_CONVERSATION", (moving.id,))
        self.closed.add(moving.id)
        if not moving.ai_enabled:  # whoever answers this person goes on to do so
            self._tx.execute("STAY_SILENT", (moving.taken_over_at, staying.id))
            self._actives.clear()

    def _forget(self) -> None:
        """What was read is not so any more."""
        self._linked.clear()
        self._phones.clear()
        self._actives.clear()
        self._made.clear()

    def _active(self, organization_id: str, contact_id: str) -> Conversation | None:
        """The one that ``auzap_active`` names; if that was closed elsewhere, the newest that is active."""
        known = self._actives.get((organization_id, contact_id))
        if known is not None or contact_id in self._made:
            return known
        for found in self._tx.execute("ACTIVE_CONVERSATION", (organization_id, contact_id)):
            return conversation_of(found)
        for found in self._tx.execute("NEWEST_CONVERSATION", (organization_id, contact_id)):
            newest = conversation_of(found)
            self._activate(organization_id, contact_id, newest)
            return newest
        return None

    def _activate(self, organization_id: str, contact_id: str, conversation: Conversation) -> None:
        self._tx.write("ACTIVATE", [(organization_id, contact_id, conversation.id)])
        self._actives[organization_id, contact_id] = conversation


def conversation_of(row: Sequence[Any]) -> Conversation:
    """:param row: of a table that may be older than auzap: an empty ``ai_enabled`` is AI on."""
    return Conversation(row[0], ai_enabled=row[1] is None or bool(row[1]), taken_over_at=row[2])


def addresses_of(person: Person) -> list[_Address]:
    """The ways to know a person, the phone first."""
    phone, lid = storable(person.phone), storable(person.lid)
    addresses: list[_Address] = []
    if phone:
        key = phone_key(phone)
        forms = phone_forms(key) if key is not None else (phone,)
        addresses.append(_Address("phone", key or phone, forms))
    if lid:
        addresses.append(_Address("lid", lid, (lid,)))
    return addresses
