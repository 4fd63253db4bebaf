"""Who writes: a customer or an owner, with a number."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import click

from auzap.config.models import InstanceConfig, TenantConfig
from auzap.model.phones import same_person, typed_digits

__all__ = ["Cast", "Person", "Role", "phone_shown"]

Role = Literal["client", "owner"]

#: the first that is no owner's is the customer's number
_CUSTOMERS = ("5511900000010", "5511900000011", "5511900000012")
_BRAZILIAN = re.compile(r"55([0-9]{2})([0-9]{4,5})([0-9]{4})")


@dataclass(frozen=True, slots=True)
class Person:
    role: Role
    #: digits
    phone: str

    @property
    def label(self) -> str:
        return "dono" if self.role == "owner" else "cliente"

    @property
    def name(self) -> str:
        """As the phone tells it with each message."""
        return "Dono" if self.role == "owner" else "Cliente"

    def __str__(self) -> str:
        return f"{self.label} {phone_shown(self.phone)}"


class Cast:
    """The two people at the terminal, one of whom has the keyboard.

    :param owners: digits of the numbers that the tenant takes for owners'.
    """

    def __init__(self, tenant: TenantConfig, instance: InstanceConfig, owners: Sequence[str]) -> None:
        self._tenant = tenant.id
        self._owners = owners
        preferred = instance.options.values.get("owner")
        mine = [phone for phone in owners if same_person(phone, _digits(preferred))]
        self._phones: dict[Role, str | None] = {
            "client": self._customer(tenant, instance),
            "owner": next(iter([*mine, *owners]), None),
        }
        self.present = self.person("client")

    def _customer(self, tenant: TenantConfig, instance: InstanceConfig) -> str:
        """A pilot answers nobody but its own."""
        pilot = [_digits(number) for number in tenant.only or ()]
        every = [*pilot, _digits(instance.options.values.get("client")), *_CUSTOMERS]
        return next(one for one in every if one and not any(same_person(one, owner) for owner in self._owners))

    def person(self, role: Role, phone: str | None = None) -> Person:
        """:raises ClickException: it is to be an owner, and there is none."""
        found = phone or self._phones[role]
        if found is None:
            raise click.ClickException(f"tenant {self._tenant} has no owner: write a number behind owners:")
        return Person(role, found)

    def become(self, role: Role, phone: str | None = None) -> Person:
        """Have the keyboard; the number is kept for the next time."""
        self.present = self.person(role, phone)
        self._phones[role] = self.present.phone
        return self.present

    def of(self, phone: str) -> Person | None:
        """Whose number it is."""
        for role in (self.present.role, "client", "owner"):
            known = self._phones[role]
            if known is not None and same_person(known, phone):
                return Person(role, known)
        return None


def phone_shown(digits: str) -> str:
    found = _BRAZILIAN.fullmatch(digits)
    return f"+55 {found[1]} {found[2]}-{found[3]}" if found else f"+{digits}"


def _digits(typed: object) -> str | None:
    return typed_digits(typed) if isinstance(typed, str) else None
