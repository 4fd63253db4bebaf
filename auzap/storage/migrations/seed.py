"""What the first schema makes of rows that stood in the database before auzap came: nothing is removed or merged."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from auzap.model.phones import phone_key, typed_digits

__all__ = ["take_over"]

#: rows that are read and written at a time
_BATCH = 2000
#: how a conversation that is over may be called, where the column takes certain words only
_CLOSED = ("closed", "inactive", "ended", "finished", "resolved", "archived")

# the oldest comes first, as it does when a person is looked up: what is linked already stays as it is
_CONTACTS = """
    SELECT CAST(organization_id AS VARCHAR), CAST(id AS VARCHAR), CAST(phone AS VARCHAR) FROM contacts
    WHERE organization_id IS NOT NULL AND phone IS NOT NULL
    ORDER BY CASE WHEN created_at IS NULL THEN 0 ELSE 1 END, created_at, CAST(id AS VARCHAR)"""
_LINK = """
    INSERT INTO contact_identities (organization_id, contact_id, kind, value)
    VALUES (:organization_id, :contact_id, :kind, :value) ON CONFLICT DO NOTHING"""
_ACTIVATE = """
    INSERT INTO auzap_active (organization_id, contact_id, conversation_id)
    SELECT organization_id, contact_id, id FROM (
        SELECT CAST(organization_id AS VARCHAR) AS organization_id, CAST(contact_id AS VARCHAR) AS contact_id,
               CAST(id AS VARCHAR) AS id,
               row_number() OVER (
                   PARTITION BY organization_id, contact_id
                   ORDER BY CASE WHEN COALESCE(last_message_at, first_message_at, created_at) IS NULL
                                 THEN 1 ELSE 0 END,
                            COALESCE(last_message_at, first_message_at, created_at) DESC, CAST(id AS VARCHAR) DESC
               ) AS place
        FROM conversations
        WHERE CAST(status AS VARCHAR) = 'active' AND organization_id IS NOT NULL AND contact_id IS NOT NULL
    ) AS placed WHERE place = 1"""
_CLOSE = """
    UPDATE conversations SET status = '{closed}'
    WHERE CAST(status AS VARCHAR) = 'active' AND organization_id IS NOT NULL AND contact_id IS NOT NULL
      AND CAST(id AS VARCHAR) NOT IN (SELECT conversation_id FROM auzap_active)"""


def take_over(connection: Connection) -> None:
    """Link addresses to contacts, the oldest of duplicates; of a contact's active conversations the newest stays so."""
    if sa.inspect(connection).has_table("authorized_owner_numbers"):
        _owners(connection)
    _identities(connection)
    connection.execute(sa.text(_ACTIVATE))
    _close_older(connection)


def _identities(connection: Connection) -> None:
    contacts = connection.execute(sa.text(_CONTACTS).execution_options(yield_per=_BATCH))
    for batch in contacts.partitions():
        links = [
            {"organization_id": organization_id, "contact_id": contact_id, "kind": kind, "value": value}
            for organization_id, contact_id, phone in batch
            for kind, value in _addresses(phone)
        ]
        if links:
            connection.execute(sa.text(_LINK), links)


def _addresses(phone: str) -> Iterator[tuple[str, str]]:
    """Other programs wrote numbers as people type them; the TypeScript worker wrote digits, of groups and LIDs too."""
    if phone.endswith("@lid"):
        yield "lid", phone
        return
    digits = phone if phone.isascii() and phone.isdigit() else typed_digits(phone)
    key = phone_key(digits)
    if key is not None:
        yield "phone", key


def _close_older(connection: Connection) -> None:
    columns = {column["name"]: column["type"] for column in sa.inspect(connection).get_columns("conversations")}
    status = columns["status"]
    words = status.enums if isinstance(status, sa.Enum) else _CLOSED
    closed = next((word for word in _CLOSED if word in words), None)
    if closed is None:
        return  # no word for it; auzap_active tells which one goes on
    try:
        with connection.begin_nested():
            connection.execute(sa.text(_CLOSE.format(closed=closed)))
    except IntegrityError:
        return  # a CHECK of the table knows another word; likewise


def _owners(connection: Connection) -> None:
    """The numbers that may ask Aurora, with their ids: Aurora's records refer to them."""
    if connection.execute(sa.text("SELECT 1 FROM owner_numbers LIMIT 1")).first() is not None:
        return
    columns = {column["name"] for column in sa.inspect(connection).get_columns("authorized_owner_numbers")}
    phone = next((name for name in ("phone_number", "phone") if name in columns), None)
    if phone is None or not {"id", "organization_id"} <= columns:
        return
    name = "CAST(name AS VARCHAR)" if "name" in columns else "NULL"
    active = next((f"COALESCE({one}, true)" for one in ("is_active", "active") if one in columns), "true")
    created = "COALESCE(created_at, CURRENT_TIMESTAMP)" if "created_at" in columns else "CURRENT_TIMESTAMP"
    # the names are those that were looked for, and the table's own
    copy = f"""
        INSERT INTO owner_numbers (organization_id, id, phone, name, role, active, created_at)
        SELECT CAST(organization_id AS VARCHAR), CAST(id AS VARCHAR), {phone}, {name}, 'owner', {active}, {created}
        FROM authorized_owner_numbers WHERE {phone} IS NOT NULL AND organization_id IS NOT NULL"""  # noqa: S608
    connection.execute(sa.text(copy))
