"""The steps that every message takes, each as one statement: what is as usual is done, the rest is left as it was.

What one of them does not tell of goes the long way (``auzap.storage.steps``). Written as ``statements`` are.
"""

from __future__ import annotations

from typing import Final

#: New messages, of people whose addresses all lead to one contact with an active conversation, and of nobody's.
#: Gives the messages, and the conversations as they are now.
RECORD: Final = """
    WITH known AS MATERIALIZED (
        SELECT n.*, m.contact_id, m.conversation_id, clock_timestamp() AS at
        FROM {n(
            id t, state t, reason t, lease_token b, revived b, envelope_id t, organization_id t, instance_id t,
            dedupe_key t, chat_id t, message_id t, message_type t, content t, sender_role t, sender_phone t,
            accepted_at z, kind t, value t, other_kind t, other_value t, has_phone b
        )} LEFT JOIN LATERAL (
            SELECT a.contact_id, a.conversation_id
            FROM contact_identities i
            JOIN contacts c ON c.id = i.contact_id::{contacts.id}
            JOIN auzap_active a ON a.organization_id = i.organization_id AND a.contact_id = i.contact_id
            WHERE i.organization_id = n.organization_id AND i.kind = n.kind AND i.value = n.value
              AND NOT (n.has_phone = 1 AND c.phone LIKE '%@lid')
              AND (n.other_kind IS NULL OR EXISTS (
                SELECT 1 FROM contact_identities o
                WHERE o.organization_id = n.organization_id AND o.kind = n.other_kind AND o.value = n.other_value
                  AND o.contact_id = i.contact_id))
        ) m ON true
        WHERE (n.kind IS NULL OR m.conversation_id IS NOT NULL) AND NOT EXISTS (
            SELECT 1 FROM auzap_inbox b WHERE b.organization_id = n.organization_id AND b.dedupe_key = n.dedupe_key)
    ), touched AS (
        UPDATE conversations v SET last_message_at = GREATEST(v.last_message_at, clock_timestamp())
        FROM (SELECT DISTINCT conversation_id FROM known ORDER BY conversation_id) k
        WHERE v.id = k.conversation_id::{conversations.id} AND v.status = 'active'
        RETURNING v.id::text AS id, v.ai_enabled, v.taken_over_at::timestamptz AS taken_over_at
    ), taken AS MATERIALIZED (
        SELECT * FROM known WHERE kind IS NULL OR (conversation_id IN (SELECT id FROM touched)) IS TRUE
    ), rows AS (
        INSERT INTO auzap_inbox (
            id, turn_id, state, reason, lease_token, revived, attempts, envelope_id, contact_id, conversation_id,
            created_at, updated_at, organization_id, instance_id, dedupe_key, chat_id, message_id, message_type,
            content, sender_role, sender_phone, accepted_at
        ) SELECT id, id, state, reason, lease_token, revived, 0, envelope_id, contact_id, conversation_id, at, at,
            organization_id, instance_id, dedupe_key, chat_id, message_id, message_type,
            CASE WHEN contact_id IS NULL THEN content END, sender_role, sender_phone, accepted_at
        FROM taken
    ), said AS (
        INSERT INTO messages (
            id, organization_id, conversation_id, instance_id, whatsapp_message_id, direction, content, message_type,
            status, sender_phone, processed_by_ai, created_at
        ) SELECT id::{messages.id}, organization_id::{messages.organization_id},
            conversation_id::{messages.conversation_id}, instance_id::{messages.instance_id},
            message_id::{messages.whatsapp_message_id}, 'inbound', content, message_type::{messages.message_type},
            'delivered', sender_phone::{messages.sender_phone}, false, at
        FROM taken WHERE conversation_id IS NOT NULL
    )
    SELECT id, contact_id, conversation_id, at, NULL::boolean FROM taken
    UNION ALL
    SELECT NULL, NULL, id, taken_over_at, COALESCE(ai_enabled, true) FROM touched"""

#: Outcomes of turns that are received, and whose lease is the newest.
#: Subqueries are asked whether they hold IS TRUE so that they are hashed, and not gone through for every row.
PERSIST: Final = """
    WITH seen AS MATERIALIZED (
        SELECT t.*, i.state = 'received' AND i.lease_token <= t.token AS is_good,
            c.taken_over_at::timestamptz > t.since AS is_taken_over
        FROM {t(
            turn_id t, token b, since z, next_state t, reason t, answered_by t, attempts b
        )} JOIN auzap_inbox i ON i.turn_id = t.turn_id
        LEFT JOIN conversations c ON c.id = i.conversation_id::{conversations.id}
        FOR UPDATE OF i
    ), good AS MATERIALIZED (
        SELECT turn_id, token, next_state, reason, answered_by, attempts,
            COALESCE(bool_or(is_taken_over), false) AS taken_over
        FROM seen GROUP BY 1, 2, 3, 4, 5, 6 HAVING bool_and(is_good)
    ), said AS MATERIALIZED (
        SELECT s.*, at_once = 1 AND (turn_id IN (SELECT turn_id FROM good WHERE taken_over)) IS NOT TRUE AS claimed
        FROM {s(
            id t, organization_id t, instance_id t, turn_id t, ordinal b, chat_id t, content t, conversation_id t,
            at_once b, not_before z, token b, config_version t
        )} WHERE (turn_id IN (SELECT turn_id FROM good)) IS TRUE
    ), replies AS (
        INSERT INTO auzap_outbox (
            id, organization_id, instance_id, turn_id, ordinal, chat_id, content, conversation_id, state, attempts,
            lease_token, not_before, created_at, updated_at, config_version
        ) SELECT id, organization_id, instance_id, turn_id, ordinal, chat_id, content, conversation_id,
            CASE WHEN claimed THEN 'sending' ELSE 'pending' END, 0, token, not_before, now(), now(), config_version
        FROM said
    ), rows AS (
        INSERT INTO messages (
            id, organization_id, conversation_id, instance_id, direction, content, message_type, status, ai_response,
            created_at
        ) SELECT id::{messages.id}, organization_id::{messages.organization_id},
            conversation_id::{messages.conversation_id}, instance_id::{messages.instance_id}, 'outbound', content,
            'text', 'pending', true, now()
        FROM said WHERE conversation_id IS NOT NULL
    ), interactions AS (
        INSERT INTO ai_interactions (
            id, organization_id, conversation_id, message_id, prompt, response, intent, sentiment, confidence,
            model_used, created_at
        ) SELECT id::{ai_interactions.id}, organization_id::{ai_interactions.organization_id},
            conversation_id::{ai_interactions.conversation_id}, message_id::{ai_interactions.message_id}, prompt,
            response, intent::{ai_interactions.intent}, sentiment::{ai_interactions.sentiment}, confidence,
            model_used::{ai_interactions.model_used}, now()
        FROM {u(
            turn_id t, id t, organization_id t, conversation_id t, message_id t, prompt t, response t, intent t,
            sentiment t, confidence f, model_used t
        )} WHERE (turn_id IN (SELECT turn_id FROM good)) IS TRUE
    ), handled AS (
        UPDATE auzap_inbox i
        SET state = g.next_state, reason = g.reason, answered_by = g.answered_by, attempts = g.attempts,
            lease_token = g.token, updated_at = now()
        FROM good g WHERE i.turn_id = g.turn_id
    )
    SELECT turn_id, taken_over FROM good"""

#: replies that were not sent before, by who has the newest lease; of a reply that is not there nothing is to be noted
NOTE_SENT: Final = """
    WITH old AS MATERIALIZED (
        SELECT o.id, o.turn_id, o.lease_token, o.state, n.provider_id, n.token
        FROM {n(id t, provider_id t, token b)} JOIN auzap_outbox o ON o.id = n.id FOR UPDATE OF o
    ), good AS MATERIALIZED (
        SELECT * FROM old WHERE token >= lease_token AND state <> 'sent'
    ), sent AS (
        UPDATE auzap_outbox o
        SET state = 'sent', provider_id = g.provider_id, reason = NULL, lease_token = g.token, updated_at = now()
        FROM good g WHERE o.id = g.id
    ), messages_too AS (
        UPDATE messages m
        SET status = 'sent',
            whatsapp_message_id = COALESCE(g.provider_id::{messages.whatsapp_message_id}, m.whatsapp_message_id)
        FROM good g WHERE m.id = g.id::{messages.id}
    ), finished AS (
        UPDATE auzap_inbox i SET state = 'done', updated_at = now()
        FROM (SELECT DISTINCT turn_id FROM good) g
        WHERE i.turn_id = g.turn_id AND i.state = 'handled' AND NOT EXISTS (
            SELECT 1 FROM auzap_outbox o
            WHERE o.turn_id = i.turn_id AND o.state IN ('pending', 'sending') AND o.not_before IS NULL
              AND o.id NOT IN (SELECT id FROM good))
    )
    SELECT id FROM old WHERE token < lease_token"""
