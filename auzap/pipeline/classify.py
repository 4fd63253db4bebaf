"""Classify: who is writing."""

from __future__ import annotations

from auzap.model.message import Message
from auzap.model.people import CLIENT, OWNER, Sender
from auzap.tenants.runtime import Tenant

__all__ = ["classify"]


async def classify(tenant: Tenant, message: Message, instance_id: str) -> Sender:
    """The plugins, then the owner numbers, then "a client".

    :raises HookFailed: a classifier failed; it is never "then a client".
    """
    answered = await tenant.hooks.classify_sender(message, tenant.store, instance_id)
    if answered is not None:
        return answered.value
    owner = await tenant.owners.find(message)
    if owner is not None:
        return Sender(
            role=OWNER,
            phone=message.contact_phone or owner.phone,
            lid=message.contact_lid,
            name=owner.name or message.push_name,
            owner_id=owner.id,
        )
    return Sender(role=CLIENT, phone=message.contact_phone, lid=message.contact_lid, name=message.push_name)
