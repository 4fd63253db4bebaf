"""A database as the TypeScript worker and Supabase leave it: thousands of rows, with duplicates, under their rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.support.postgres import PostgresDatabase

__all__ = ["ORGANIZATION", "TABLES", "contents", "fill", "oldest_contacts"]

ORGANIZATION = "0b6f3a52-6a0e-4c5e-9d0a-0c7a5f2b7e11"
#: table -> the columns that were there, but for what the take-over may change
TABLES: Mapping[str, str] = {
    "authorized_owner_numbers": "id, organization_id, phone_number, permissions, is_active, created_at",
    "contacts": "id, organization_id, phone, name, status, loyalty_points, created_at, updated_at",
    "conversations": "id, organization_id, instance_id, contact_id, ai_enabled, last_message_at, created_at",
    "messages": "id, organization_id, conversation_id, whatsapp_message_id, direction, content, status, created_at",
    "ai_interactions": "id, organization_id, conversation_id, message_id, prompt, response, confidence, created_at",
    "aurora_proactive_messages": "id, organization_id, owner_number_id, content, status, sent_at, created_at",
}

_SCHEMA = """
    CREATE TYPE conversation_status AS ENUM ('active', 'closed', 'archived');
    CREATE TABLE authorized_owner_numbers (
        id {id} PRIMARY KEY{default}, organization_id {id} NOT NULL, phone_number varchar(20) NOT NULL, user_id {id},
        permissions jsonb NOT NULL DEFAULT '{{}}', is_active boolean NOT NULL DEFAULT true,
        created_at timestamptz NOT NULL DEFAULT now());
    CREATE TABLE contacts (
        id {id} PRIMARY KEY{default}, organization_id {id} NOT NULL, phone varchar(32) NOT NULL, name text,
        status varchar(20) NOT NULL DEFAULT 'active', loyalty_points integer NOT NULL DEFAULT 0,
        created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz NOT NULL DEFAULT now());
    CREATE INDEX contacts_phone_ix ON contacts (organization_id, phone);
    CREATE TABLE conversations (
        id {id} PRIMARY KEY{default}, organization_id {id} NOT NULL, instance_id {id},
        contact_id {id} NOT NULL REFERENCES contacts (id), status {status} NOT NULL DEFAULT 'active',
        ai_enabled boolean NOT NULL DEFAULT true, first_message_at timestamptz, last_message_at timestamptz,
        created_at timestamptz NOT NULL DEFAULT now());
    CREATE TABLE messages (
        id {id} PRIMARY KEY{default}, seq bigserial, organization_id {id} NOT NULL,
        conversation_id {id} REFERENCES conversations (id), instance_id {id}, whatsapp_message_id text,
        direction varchar(10) NOT NULL CHECK (direction IN ('inbound', 'outbound')), content text,
        message_type text NOT NULL DEFAULT 'text', status text, sender_phone text, processed_by_ai boolean,
        ai_response boolean, created_at timestamptz NOT NULL DEFAULT now());
    CREATE TABLE ai_interactions (
        id {id} PRIMARY KEY{default}, organization_id {id} NOT NULL, conversation_id {id} REFERENCES conversations (id),
        message_id text, prompt text, response text, intent text, sentiment text, confidence real, model_used text,
        created_at timestamptz NOT NULL DEFAULT now());
    CREATE TABLE aurora_proactive_messages (
        id {id} PRIMARY KEY{default}, organization_id {id} NOT NULL,
        owner_number_id {id} REFERENCES authorized_owner_numbers (id), message_type text, content text,
        scheduled_for timestamptz, status text, sent_at timestamptz, created_at timestamptz NOT NULL DEFAULT now());
    ALTER TABLE contacts ENABLE ROW LEVEL SECURITY;
    ALTER TABLE messages ENABLE ROW LEVEL SECURITY;
"""
# 1,500 contacts of 1,000 people: the last 500 are there before, without their ninth digit; either may be the older one.
# Each has up to three active conversations.
_ROWS = """
    INSERT INTO authorized_owner_numbers (id, organization_id, phone_number, is_active)
        SELECT md5('owner' || n)::uuid{text}, '{org}', '551190000000' || n, n < 3 FROM generate_series(1, 3) n;
    INSERT INTO contacts (id, organization_id, phone, name, loyalty_points, created_at)
        SELECT md5('contact' || n)::uuid{text}, '{org}',
               CASE WHEN n < 1000 THEN '551199' ELSE '55119' END || lpad((n % 1000)::text, 7, '0'),
               'Cliente ' || n, n, timestamptz '2025-01-01 12:00Z' + (n * 7919 % 1500) * interval '1 minute'
        FROM generate_series(0, 1499) n;
    INSERT INTO conversations (id, organization_id, instance_id, contact_id, status, ai_enabled, last_message_at)
        SELECT md5('conversation' || n)::uuid{text}, '{org}', '{org}', md5('contact' || n % 1500)::uuid{text},
               CASE WHEN n % 7 = 0 THEN 'archived' ELSE 'active' END{cast}, n % 5 <> 0,
               timestamptz '2025-06-01 12:00Z' + (n * 3571 % 4000) * interval '1 minute'
        FROM generate_series(0, 3999) n;
    INSERT INTO messages (id, organization_id, conversation_id, whatsapp_message_id, direction, content, status)
        SELECT md5('message' || n)::uuid{text}, '{org}', md5('conversation' || n % 4000)::uuid{text}, '3EB0' || n / 3,
               CASE WHEN n % 2 = 0 THEN 'inbound' ELSE 'outbound' END, 'Olá ' || n, 'delivered'
        FROM generate_series(0, 5999) n;
    INSERT INTO ai_interactions (id, organization_id, conversation_id, message_id, prompt, response, confidence)
        SELECT md5('ai' || n)::uuid{text}, '{org}', md5('conversation' || n)::uuid{text}, '3EB0' || n, 'Oi', 'Olá', 0.8
        FROM generate_series(0, 999) n;
    INSERT INTO aurora_proactive_messages (id, organization_id, owner_number_id, content, status)
        SELECT md5('tip' || n)::uuid{text}, '{org}', md5('owner1')::uuid{text}, 'Resumo', 'sent'
        FROM generate_series(0, 99) n;
"""


def fill(database: PostgresDatabase, kind: str) -> None:
    """:param kind: of the ids: ``uuid`` or ``text``; with ``uuid`` the state of a conversation is an enum."""
    uuid = kind == "uuid"
    database.rows(
        _SCHEMA.format(
            id=kind,
            default=" DEFAULT gen_random_uuid()" if uuid else "",
            status="conversation_status" if uuid else "varchar(20)",
        )
    )
    text, cast = ("", "::conversation_status") if uuid else ("::text", "")
    database.rows(_ROWS.format(org=ORGANIZATION, text=text, cast=cast))


def contents(database: PostgresDatabase) -> dict[str, Any]:
    """Of each table: how many rows, and a sum over all that stands in them."""
    query = "SELECT count(*) AS n, md5(string_agg(t::text, '|' ORDER BY t.id)) AS sum FROM (SELECT {} FROM {}) t"
    return {table: database.one(query.format(columns, table)) for table, columns in TABLES.items()}


def oldest_contacts(database: PostgresDatabase) -> dict[str, str]:
    """A person's last seven digits -> the contact that came first."""
    found = database.rows(
        "SELECT DISTINCT ON (right(phone, 7)) right(phone, 7) AS who, id::text FROM contacts "
        "ORDER BY right(phone, 7), created_at"
    )
    return {row["who"]: row["id"] for row in found}
