"""Files that hold very much: rows as the worker would have left them, made by SQL in one go."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from auzap.model.phones import phone_key
from auzap.queues.sqlite.rows import COLUMNS
from auzap.queues.sqlite.schema import open_file
from auzap.sqlite import connect
from benchmarks.shop import phone

__all__ = ["seed_messages", "seed_waiting"]

#: ids that sort before all that are made now, one block a table
_IDS = {"contact": "a", "conversation": "b", "inbox": "8", "outbox": "9", "interaction": "8", "envelope": "8"}
_COUNT = "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :rows) "
#: newer than what ``retention`` removes, and in order
_AT = "strftime('%Y-%m-%d %H:%M:%f', 'now', '-20 days', printf('+%f seconds', i * 1.0 / :rows * 86400)) || '000'"
_TEXT = "printf('#%d Oi! Tem horário amanhã de manhã?', i)"
_JID = "phone(i % :people) || '@s.whatsapp.net'"


def _id(what: str, of: str = "i") -> str:
    return f"printf('01900000-0000-7000-{_IDS[what]}000-%012x', {of})"


def seed_messages(file: Path, messages: int, contacts: int) -> None:
    """So many messages that were answered, of so many contacts, in a database without rows."""
    with _written(connect(file, busy=5)) as connection:
        for rows, statement in (*((contacts, one) for one in _PEOPLE), *((messages, one) for one in _MESSAGES)):
            connection.execute(_COUNT + statement, {"rows": rows, "people": contacts})


_PEOPLE = (
    f"""
    INSERT INTO contacts (id, organization_id, phone, name, status, created_at, updated_at)
    SELECT {_id("contact")}, 'shop', phone(i), 'Cliente', 'active', {_AT}, {_AT} FROM n""",
    f"""
    INSERT INTO contact_identities (organization_id, kind, value, contact_id)
    SELECT 'shop', 'phone', phone_key(phone(i)), {_id("contact")} FROM n""",
    f"""
    INSERT INTO conversations (
        id, organization_id, instance_id, contact_id, status, ai_enabled, first_message_at, last_message_at, created_at
    ) SELECT {_id("conversation")}, 'shop', 'main', {_id("contact")}, 'active', 1, {_AT}, {_AT}, {_AT} FROM n""",
    f"""
    INSERT INTO auzap_active (organization_id, contact_id, conversation_id)
    SELECT 'shop', {_id("contact")}, {_id("conversation")} FROM n""",
)
_OF = _id("conversation", "i % :people")
_MESSAGES = (
    f"""
    INSERT INTO auzap_inbox (
        id, turn_id, state, lease_token, revived, attempts, envelope_id, contact_id, conversation_id, created_at,
        updated_at, organization_id, instance_id, dedupe_key, chat_id, message_id, message_type, sender_role,
        sender_phone, answered_by, accepted_at
    ) SELECT
        {_id("inbox")}, {_id("inbox")}, 'done', i, 0, 1, {_id("envelope")}, {_id("contact", "i % :people")}, {_OF},
        {_AT}, {_AT}, 'shop', 'main', lower(hex(randomblob(16))), {_JID}, printf('3EB1%012X', i), 'text', 'client',
        phone(i % :people), 'client_ai', {_AT} FROM n""",
    f"""
    INSERT INTO auzap_outbox (
        id, organization_id, instance_id, turn_id, ordinal, chat_id, content, conversation_id, state, attempts,
        lease_token, provider_id, created_at, updated_at
    ) SELECT
        {_id("outbox")}, 'shop', 'main', {_id("inbox")}, 0, {_JID}, {_TEXT}, {_OF}, 'sent', 0,
        i, printf('OLD%d', i), {_AT}, {_AT} FROM n""",
    f"""
    INSERT INTO messages (
        id, organization_id, conversation_id, instance_id, whatsapp_message_id, direction, content, message_type,
        status, sender_phone, processed_by_ai, created_at
    ) SELECT
        {_id("inbox")}, 'shop', {_OF}, 'main', printf('3EB1%012X', i), 'inbound', {_TEXT}, 'text',
        'delivered', phone(i % :people), 0, {_AT} FROM n""",
    f"""
    INSERT INTO messages (
        id, organization_id, conversation_id, instance_id, whatsapp_message_id, direction, content, message_type,
        status, ai_response, created_at
    ) SELECT
        {_id("outbox")}, 'shop', {_OF}, 'main', printf('OLD%d', i), 'outbound', {_TEXT}, 'text',
        'sent', 1, {_AT} FROM n""",
    f"""
    INSERT INTO ai_interactions (
        id, organization_id, conversation_id, message_id, prompt, response, intent, sentiment, confidence, model_used,
        created_at
    ) SELECT
        {_id("interaction")}, 'shop', {_OF}, printf('3EB1%012X', i), {_TEXT}, {_TEXT}, 'general', 'neutral', 0.8,
        'rules', {_AT} FROM n""",
)


def seed_waiting(file: Path, jobs: int, lanes: int) -> None:
    """So many jobs that wait, in so many lanes, in a queue that was not there."""
    with _written(open_file(file, busy=5)) as connection:
        for rows, statement in ((jobs, _ENVELOPES), (lanes, _LANES), (1, _TENANT)):
            connection.execute(_COUNT + statement, {"rows": rows, "people": lanes, "now": time.time()})


_LANE = f"'shop/main/' || {_JID}"
_PAYLOAD = f"""json_object(
    'key', json_object('remoteJid', {_JID}, 'fromMe', json('false'), 'id', printf('3EB0%012X', i)),
    'message', json_object('conversation', {_TEXT}), 'messageTimestamp', CAST(:now AS INTEGER),
    'pushName', 'Cliente')"""
_ENVELOPES = f"""
    INSERT INTO envelopes (pos, state, {COLUMNS})
    SELECT i + 1, 'waiting', {_id("envelope")}, 'shop', 'main', 'baileys', 'message', {_LANE},
           lower(hex(randomblob(16))), 1, :now, NULL, 0, 0, 0, {_PAYLOAD} FROM n"""
_LANES = f"""
    INSERT INTO lanes (lane, tenant, instance, side, state, place)
    SELECT {_LANE}, 'shop', 'main', 0, 'ready', i + 1 FROM n"""
_TENANT = "INSERT INTO tenants (tenant, side, turn) SELECT 'shop', 0, i + 1 FROM n"


@contextmanager
def _written(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """All at once, with much memory and no care for a crash; afterwards it is one file, which can be copied."""
    with closing(connection):
        connection.create_function("phone", 1, phone, deterministic=True)
        connection.create_function("phone_key", 1, phone_key, deterministic=True)
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute(f"PRAGMA cache_size = -{1024 * 1024}")
        connection.execute("BEGIN IMMEDIATE")
        yield connection
        connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
