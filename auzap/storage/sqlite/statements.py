"""Every statement of the store, once. Times are text (``times.py``); ``now`` is always the writer's clock."""

from __future__ import annotations

from typing import Final

# ------------------------------------------------------------------ the inbox

_INBOX_ROW: Final = """
    SELECT id, turn_id, state, reason, lease_token, revived, attempts, envelope_id, contact_id, conversation_id,
           created_at
    FROM auzap_inbox """
#: all of a group: the two columns of the key, then the row
INBOX_BY_KEYS: Final = """
    WITH wanted (organization_id, dedupe_key) AS (VALUES (?, ?))
    SELECT json_group_array(json_array(
        organization_id, dedupe_key,
        id, turn_id, state, reason, lease_token, revived, attempts, envelope_id, contact_id, conversation_id,
        created_at
    )) FROM wanted CROSS JOIN auzap_inbox USING (organization_id, dedupe_key)"""
INBOX_BY_ENVELOPE: Final = _INBOX_ROW + "WHERE organization_id = ? AND envelope_id = ? AND dedupe_key IS NULL"

INSERT_INBOX: Final = """
    INSERT INTO auzap_inbox (
        id, turn_id, state, reason, lease_token, revived, attempts, envelope_id, contact_id, conversation_id,
        created_at, updated_at, organization_id, instance_id, dedupe_key, chat_id, message_id, message_type,
        content, sender_role, sender_phone, accepted_at
    ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
UPDATE_INBOX: Final = """
    WITH new (
        turn_id, state, reason, lease_token, revived, attempts, envelope_id, contact_id, conversation_id, updated_at, id
    ) AS (VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?))
    UPDATE auzap_inbox
    SET turn_id = new.turn_id, state = new.state, reason = new.reason, lease_token = new.lease_token,
        revived = new.revived, attempts = new.attempts, envelope_id = new.envelope_id, contact_id = new.contact_id,
        conversation_id = new.conversation_id, updated_at = new.updated_at
    FROM new WHERE auzap_inbox.id = new.id"""
#: who wrote it may be known otherwise at a later attempt
UPDATE_INBOX_SENDER: Final = """
    WITH new (content, sender_role, sender_phone, id) AS (VALUES (?, ?, ?, ?))
    UPDATE auzap_inbox
    SET content = new.content, sender_role = new.sender_role, sender_phone = new.sender_phone
    FROM new WHERE auzap_inbox.id = new.id"""
CREATED_AT: Final = "SELECT created_at FROM auzap_inbox WHERE id = ?"

#: rows that were of a turn, and of which it does not consist now, stand for themselves
LEAVE_TURN: Final = """
    UPDATE auzap_inbox SET turn_id = id
    WHERE turn_id = ? AND id NOT IN (SELECT value FROM json_each(?))"""
#: the rows of turns, each with what became of its conversation
TURNS: Final = """
    SELECT json_group_array(json_array(i.turn_id, i.state, i.lease_token, c.taken_over_at))
    FROM auzap_inbox i LEFT JOIN conversations c ON c.id = i.conversation_id WHERE i.turn_id IN (VALUES (?))"""
#: nobody else writes meanwhile
LOOK_AT_TURNS: Final = TURNS
HANDLE_TURN: Final = """
    WITH new (state, reason, answered_by, attempts, lease_token, updated_at, turn_id) AS (VALUES (?, ?, ?, ?, ?, ?, ?))
    UPDATE auzap_inbox
    SET state = new.state, reason = new.reason, answered_by = new.answered_by, attempts = new.attempts,
        lease_token = new.lease_token, updated_at = new.updated_at
    FROM new WHERE auzap_inbox.turn_id = new.turn_id AND auzap_inbox.state = 'received'"""
#: a turn is done with the last reply that is for now
FINISH_TURN: Final = """
    WITH new (updated_at, turn_id) AS (VALUES (?, ?))
    UPDATE auzap_inbox SET state = 'done', updated_at = new.updated_at
    FROM new WHERE auzap_inbox.turn_id = new.turn_id AND auzap_inbox.state = 'handled' AND NOT EXISTS (
        SELECT 1 FROM auzap_outbox o
        WHERE o.turn_id = auzap_inbox.turn_id AND o.state IN ('pending', 'sending') AND o.not_before IS NULL)"""
END_TURN: Final = """
    UPDATE auzap_inbox SET state = ?, reason = ?, updated_at = ? WHERE turn_id = ? AND state = 'handled'"""
KILL_TURN: Final = """
    UPDATE auzap_inbox SET state = 'dead', reason = ?, attempts = MAX(attempts, ?), lease_token = ?, updated_at = ?
    WHERE turn_id = ? AND state IN ('received', 'handled')"""
KILL_ROW: Final = """
    UPDATE auzap_inbox SET state = 'dead', reason = ?, lease_token = ?, updated_at = ? WHERE id = ?"""
#: by its key, which may be NULL
UNFINISHED: Final = """
    SELECT id, turn_id, state, lease_token FROM auzap_inbox
    WHERE organization_id = ? AND dedupe_key IS ? AND envelope_id = ? AND state IN ('received', 'handled')"""
REVIVE_TURN: Final = """
    UPDATE auzap_inbox SET state = ?, reason = NULL, attempts = 0, updated_at = ?
    WHERE turn_id = ? AND state = 'dead'"""

# ------------------------------------------------------------------ messages and interactions

INSERT_INBOUND: Final = """
    INSERT INTO messages (
        id, organization_id, conversation_id, instance_id, whatsapp_message_id, direction, content, message_type,
        status, sender_phone, processed_by_ai, created_at
    ) VALUES (?, ?, ?, ?, ?, 'inbound', ?, ?, 'delivered', ?, 0, ?) ON CONFLICT DO NOTHING"""
INSERT_OUTBOUND: Final = """
    INSERT INTO messages (
        id, organization_id, conversation_id, instance_id, direction, content, message_type, status, ai_response,
        created_at
    ) VALUES (?, ?, ?, ?, 'outbound', ?, 'text', 'pending', 1, ?)"""
#: what somebody has sent is no answer of an assistant
INSERT_OUTGOING: Final = """
    INSERT INTO messages (
        id, organization_id, conversation_id, instance_id, direction, content, message_type, status, ai_response,
        created_at
    ) VALUES (?, ?, ?, ?, 'outbound', ?, 'text', 'pending', 0, ?)"""
OUTGOING: Final = "SELECT status, content FROM messages WHERE id = ? AND direction = 'outbound'"
#: the chat that a customer last wrote in; a group is nobody's own
LAST_CHAT: Final = """
    SELECT i.chat_id FROM messages m JOIN auzap_inbox i ON i.id = m.id
    WHERE m.conversation_id = ? AND m.direction = 'inbound' AND i.instance_id = ? AND i.chat_id NOT LIKE '%@g.us'
    ORDER BY m.created_at DESC LIMIT 1"""
CONTACT_PHONE: Final = "SELECT phone FROM contacts WHERE id = ?"
DELETE_MESSAGE: Final = "DELETE FROM messages WHERE id = ?"
MESSAGE_SENT: Final = """
    WITH new (provider_id, id) AS (VALUES (?, ?))
    UPDATE messages SET status = 'sent', whatsapp_message_id = COALESCE(new.provider_id, whatsapp_message_id)
    FROM new WHERE messages.id = new.id"""
MESSAGE_FAILED: Final = "UPDATE messages SET status = 'failed' WHERE id IN (VALUES (?)) AND status = 'pending'"
MESSAGE_PENDING: Final = "UPDATE messages SET status = 'pending' WHERE id IN (VALUES (?)) AND status = 'failed'"
#: only upwards: receipts come late, twice and out of order
RAISE_STATUS: Final = """
    WITH new (status, organization_id, whatsapp_message_id, rank) AS (VALUES (?, ?, ?, ?))
    UPDATE messages SET status = new.status
    FROM new
    WHERE messages.organization_id = new.organization_id AND messages.whatsapp_message_id = new.whatsapp_message_id
      AND direction = 'outbound'
      AND CASE messages.status
          WHEN 'sent' THEN 1 WHEN 'failed' THEN 2 WHEN 'delivered' THEN 3 WHEN 'read' THEN 4 ELSE 0 END < new.rank"""
#: the row in ``messages`` outlives the one in the outbox
IS_OURS: Final = """
    SELECT 1 FROM auzap_outbox WHERE organization_id = ? AND provider_id = ?
    UNION ALL
    SELECT 1 FROM messages WHERE organization_id = ? AND whatsapp_message_id = ? AND direction = 'outbound'
    LIMIT 1"""
#: those of several that are
OURS: Final = """
    WITH wanted (organization_id, provider_id) AS (VALUES (?, ?))
    SELECT json_group_array(json_array(w.organization_id, w.provider_id)) FROM wanted w
    WHERE EXISTS (
        SELECT 1 FROM auzap_outbox o WHERE o.organization_id = w.organization_id AND o.provider_id = w.provider_id)
      OR EXISTS (
        SELECT 1 FROM messages m
        WHERE m.organization_id = w.organization_id AND m.whatsapp_message_id = w.provider_id
          AND m.direction = 'outbound')"""
INSERT_INTERACTION: Final = """
    INSERT INTO ai_interactions (
        id, organization_id, conversation_id, message_id, prompt, response, intent, sentiment, confidence, model_used,
        created_at
    ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""

# ------------------------------------------------------------------ the outbox

_REPLY: Final = """
    SELECT id, turn_id, organization_id, instance_id, chat_id, content, state, attempts, not_before, reason
    FROM auzap_outbox """
REPLY: Final = _REPLY + "WHERE id = ?"
#: those for now; scheduled ones are jobs of their own
REPLIES_OF_TURN: Final = _REPLY + "WHERE turn_id = ? AND not_before IS NULL ORDER BY ordinal"
INSERT_REPLY: Final = """
    INSERT INTO auzap_outbox (
        id, organization_id, instance_id, turn_id, ordinal, chat_id, content, conversation_id, state, attempts,
        lease_token, not_before, created_at, updated_at, config_version
    ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?, ?, ?, ?)"""
#: how many of a tenant's messages that answer no turn have not left yet; counted no further than this
WAITING: Final = """
    SELECT count(*) FROM (
        SELECT 1 FROM auzap_outbox WHERE organization_id = ? AND turn_id IS NULL AND state = 'pending' LIMIT ?)"""
FENCE_OF_REPLY: Final = "SELECT lease_token, state, attempts, turn_id FROM auzap_outbox WHERE id = ?"
#: a worker whose lease is over must not claim what the next one has resumed
TAKE_REPLIES: Final = """
    UPDATE auzap_outbox SET lease_token = ? WHERE turn_id = ? AND lease_token < ? AND state IN ('pending', 'sending')"""
CLAIM: Final = """
    UPDATE auzap_outbox SET state = 'sending', lease_token = ?, updated_at = ?
    WHERE id = ? AND lease_token <= ? AND state IN ('pending', 'sending') AND NOT EXISTS (
        SELECT 1 FROM conversations c WHERE c.id = auzap_outbox.conversation_id AND c.taken_over_at > ?)
    RETURNING id"""
FENCES_OF_REPLIES: Final = """
    SELECT json_group_array(json_array(id, lease_token, state, attempts, turn_id))
    FROM auzap_outbox WHERE id IN (VALUES (?))"""
SENT: Final = """
    WITH new (provider_id, lease_token, updated_at, id) AS (VALUES (?, ?, ?, ?))
    UPDATE auzap_outbox
    SET state = 'sent', provider_id = new.provider_id, reason = NULL, lease_token = new.lease_token,
        updated_at = new.updated_at
    FROM new WHERE auzap_outbox.id = new.id"""
#: counted only from ``sending``: telling it twice counts once
UNSENT: Final = """
    UPDATE auzap_outbox
    SET state = 'pending', attempts = attempts + (state = 'sending' AND ?), reason = ?, lease_token = ?, updated_at = ?
    WHERE id = ? AND lease_token <= ? AND state IN ('pending', 'sending')
    RETURNING attempts"""
REFUSED: Final = """
    UPDATE auzap_outbox SET state = 'failed', reason = ?, lease_token = ?, updated_at = ?
    WHERE id = ? AND lease_token <= ? AND state IN ('pending', 'sending')
    RETURNING turn_id, ordinal, not_before"""
_CANCEL: Final = """
    UPDATE auzap_outbox SET state = 'cancelled', reason = ?, updated_at = ?
    WHERE state IN ('pending', 'sending') AND """
CANCEL_REPLY: Final = _CANCEL + "id = ? RETURNING id"
CANCEL_REPLIES: Final = _CANCEL + "turn_id = ? AND ordinal > ? RETURNING id"
ALL_REPLIES: Final = "SELECT id, state, not_before FROM auzap_outbox WHERE turn_id = ?"
REVIVE_REPLIES: Final = """
    UPDATE auzap_outbox
    SET state = 'pending', attempts = 0, reason = NULL, queued_at = NULL, lease_token = ?, updated_at = ?
    WHERE turn_id = ? AND state IN ('failed', 'cancelled')
    RETURNING id"""
REVIVE_REPLY: Final = """
    UPDATE auzap_outbox SET state = 'pending', attempts = 0, reason = NULL, lease_token = ?, updated_at = ?
    WHERE id = ? AND lease_token <= ? AND state IN ('failed', 'cancelled')
    RETURNING id"""
DUE: Final = """
    SELECT id, organization_id, instance_id, chat_id FROM auzap_outbox
    WHERE not_before IS NOT NULL AND queued_at IS NULL AND state = 'pending' AND not_before <= ?
    ORDER BY not_before, id LIMIT ?"""
QUEUED: Final = """
    WITH new (queued_at, id) AS (VALUES (?, ?))
    UPDATE auzap_outbox SET queued_at = new.queued_at
    FROM new WHERE auzap_outbox.id = new.id AND auzap_outbox.queued_at IS NULL"""

# ------------------------------------------------------------------ people

CONTACT_BY_IDENTITY: Final = """
    SELECT c.id, c.phone, c.created_at FROM contact_identities i JOIN contacts c ON c.id = i.contact_id
    WHERE i.organization_id = ? AND i.kind = ? AND i.value = ?"""
#: all of a group: the identity, its contact, and the contact's active conversation
PEOPLE: Final = """
    WITH wanted (organization_id, kind, value) AS (VALUES (?, ?, ?))
    SELECT json_group_array(json_array(
        i.organization_id, i.kind, i.value, c.id, c.phone, c.created_at, v.id, v.ai_enabled, v.taken_over_at
    ))
    FROM wanted w CROSS JOIN contact_identities i
        ON i.organization_id = w.organization_id AND i.kind = w.kind AND i.value = w.value
    JOIN contacts c ON c.id = i.contact_id
    LEFT JOIN auzap_active a ON a.organization_id = i.organization_id AND a.contact_id = c.id
    LEFT JOIN conversations v ON v.id = a.conversation_id AND v.status = 'active'"""
CONTACT_BY_PHONE: Final = """
    SELECT id, phone, created_at FROM contacts
    WHERE organization_id = ? AND phone IN (SELECT value FROM json_each(?))
    ORDER BY created_at, id LIMIT 1"""
#: all of a group
CONTACTS_BY_PHONES: Final = """
    WITH wanted (organization_id, phone) AS (VALUES (?, ?))
    SELECT json_group_array(json_array(c.organization_id, c.phone, c.id, c.phone, c.created_at))
    FROM wanted CROSS JOIN contacts c USING (organization_id, phone)"""
INSERT_CONTACT: Final = """
    INSERT INTO contacts (id, organization_id, phone, name, status, created_at, updated_at)
    VALUES (?, ?, ?, ?, 'active', ?, ?)"""
#: for a person known by LID only; a name that was only the address goes with it
NAME_PHONE: Final = """
    UPDATE contacts SET phone = ?, name = CASE WHEN name = phone THEN ? ELSE name END, updated_at = ? WHERE id = ?"""
LINK: Final = """
    INSERT INTO contact_identities (organization_id, kind, value, contact_id) VALUES (?, ?, ?, ?)
    ON CONFLICT (organization_id, kind, value) DO UPDATE SET contact_id = excluded.contact_id"""
RELINK: Final = "UPDATE contact_identities SET contact_id = ? WHERE organization_id = ? AND contact_id = ?"

ACTIVE_CONVERSATION: Final = """
    SELECT c.id, c.ai_enabled, c.taken_over_at FROM auzap_active a JOIN conversations c ON c.id = a.conversation_id
    WHERE a.organization_id = ? AND a.contact_id = ? AND c.status = 'active'"""
NEWEST_CONVERSATION: Final = """
    SELECT id, ai_enabled, taken_over_at FROM conversations
    WHERE organization_id = ? AND contact_id = ? AND status = 'active'
    ORDER BY COALESCE(last_message_at, first_message_at, created_at) DESC, id DESC LIMIT 1"""
CONVERSATION: Final = "SELECT id, ai_enabled, taken_over_at FROM conversations WHERE id = ?"
INSERT_CONVERSATION: Final = """
    INSERT INTO conversations (
        id, organization_id, instance_id, contact_id, status, ai_enabled, first_message_at, last_message_at, created_at
    ) VALUES (?, ?, ?, ?, 'active', 1, ?, ?, ?)"""
TOUCH_CONVERSATION: Final = """
    WITH new (last_message_at, id) AS (VALUES (?, ?))
    UPDATE conversations SET last_message_at = new.last_message_at FROM new WHERE conversations.id = new.id"""
MOVE_CONVERSATION: Final = "UPDATE conversations SET contact_id = ? WHERE id = ?"
CLOSE_CONVERSATION: Final = "UPDATE conversations SET status = 'closed' WHERE id = ?"
ACTIVATE: Final = """
    INSERT INTO auzap_active (organization_id, contact_id, conversation_id) VALUES (?, ?, ?)
    ON CONFLICT (organization_id, contact_id) DO UPDATE SET conversation_id = excluded.conversation_id"""
DEACTIVATE: Final = "DELETE FROM auzap_active WHERE organization_id = ? AND contact_id = ?"
TAKE_OVER: Final = """
    UPDATE conversations SET ai_enabled = 0, taken_over_at = MAX(COALESCE(taken_over_at, ''), ?) WHERE id = ?"""
#: as the conversation that becomes part of it was
STAY_SILENT: Final = """
    UPDATE conversations
    SET ai_enabled = 0, taken_over_at = NULLIF(MAX(COALESCE(taken_over_at, ''), COALESCE(?, '')), '') WHERE id = ?"""
HAND_BACK: Final = "UPDATE conversations SET ai_enabled = 1 WHERE id = ?"

# ------------------------------------------------------------------ owners

OWNER_PHONES: Final = "SELECT phone FROM owner_numbers WHERE organization_id = ?"
INSERT_OWNER: Final = """
    INSERT INTO owner_numbers (id, organization_id, phone, role, active, created_at) VALUES (?, ?, ?, 'owner', 1, ?)"""
OWNERS: Final = """
    SELECT id, phone, name, role FROM owner_numbers
    WHERE organization_id = ? AND COALESCE(active, 1) ORDER BY created_at, id"""
OWNER_LIDS: Final = "SELECT owner_number_id, lid FROM owner_identities WHERE organization_id = ? ORDER BY lid"
LINK_OWNER: Final = """
    INSERT INTO owner_identities (organization_id, lid, owner_number_id) VALUES (?, ?, ?)
    ON CONFLICT (organization_id, lid) DO UPDATE SET owner_number_id = excluded.owner_number_id"""

# ------------------------------------------------------------------ what plugins remember, and do by the clock

STATE_OF: Final = """
    SELECT name, value FROM auzap_state
    WHERE organization_id = ? AND instance_id = ? AND chat_id = ? AND plugin = ?
      AND (expires_at IS NULL OR expires_at > ?)"""
SET_STATE: Final = """
    INSERT INTO auzap_state (organization_id, instance_id, chat_id, plugin, name, value, expires_at, updated_at)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (organization_id, instance_id, chat_id, plugin, name) DO UPDATE
    SET value = excluded.value, expires_at = excluded.expires_at, updated_at = excluded.updated_at"""
DELETE_STATE: Final = """
    WITH wanted (organization_id, instance_id, chat_id, plugin, name) AS (VALUES (?, ?, ?, ?, ?))
    DELETE FROM auzap_state WHERE rowid IN (
        SELECT s.rowid FROM wanted
        CROSS JOIN auzap_state s USING (organization_id, instance_id, chat_id, plugin, name))"""

#: those that are known, and due by the same rule, stay untouched
ENSURE_RUNS: Final = """
    WITH new (organization_id, plugin, method, rule, due_at) AS (VALUES (?, ?, ?, ?, ?))
    INSERT INTO auzap_schedules (organization_id, plugin, method, rule, due_at, token, lost)
    SELECT organization_id, plugin, method, rule, due_at, 0, 0 FROM new WHERE NOT EXISTS (
        SELECT 1 FROM auzap_schedules s
        WHERE s.organization_id = new.organization_id AND s.plugin = new.plugin AND s.method = new.method
          AND s.rule = new.rule)
    ON CONFLICT (organization_id, plugin, method) DO UPDATE SET rule = excluded.rule, due_at = excluded.due_at"""
_DUE_RUN: Final = "due_at <= ?1 AND (claimed_until IS NULL OR claimed_until <= ?1)"
#: asked before anything is written
RUNS_DUE: Final = f"SELECT 1 FROM auzap_schedules WHERE {_DUE_RUN} LIMIT 1"  # noqa: S608 - all of it stands here
#: of a tenant whose last claim has ended, the one that was due first
CLAIM_RUNS: Final = f"""
    UPDATE auzap_schedules SET claimed_until = ?2, token = token + 1, lost = lost + (claimed_until IS NOT NULL)
    WHERE rowid IN (
        SELECT rowid FROM auzap_schedules s
        WHERE {_DUE_RUN} AND NOT EXISTS (
            SELECT 1 FROM auzap_schedules o
            WHERE o.organization_id = s.organization_id AND (
                o.claimed_until > ?1 OR (o.due_at, o.plugin, o.method) < (s.due_at, s.plugin, s.method)))
        ORDER BY due_at LIMIT ?3)
    RETURNING organization_id, plugin, method, rule, due_at, token, lost"""  # noqa: S608 - all of it stands here
NOTE_RUN: Final = """
    UPDATE auzap_schedules SET due_at = ?, last_ran_at = ?, error = ?, claimed_until = NULL, lost = 0
    WHERE organization_id = ? AND plugin = ? AND method = ? AND token = ? AND claimed_until IS NOT NULL
    RETURNING organization_id, plugin, method, token"""
KEEP_RUN: Final = """
    UPDATE auzap_schedules SET claimed_until = ?
    WHERE organization_id = ? AND plugin = ? AND method = ? AND token = ? AND claimed_until IS NOT NULL
    RETURNING organization_id, plugin, method, token"""
PUT_OFF_RUN: Final = """
    UPDATE auzap_schedules SET due_at = ?, claimed_until = NULL
    WHERE organization_id = ? AND plugin = ? AND method = ? AND token = ? AND claimed_until IS NOT NULL
    RETURNING organization_id, plugin, method, token"""
FORGET_RUNS: Final = """
    WITH wanted (organization_id, plugin, method) AS (VALUES (?, ?, ?))
    DELETE FROM auzap_schedules WHERE rowid IN (
        SELECT s.rowid FROM wanted CROSS JOIN auzap_schedules s USING (organization_id, plugin, method))"""

# ------------------------------------------------------------------ traces

INSERT_TRACE: Final = """
    INSERT INTO auzap_traces (
        id, organization_id, instance_id, turn_id, message_id, attempt, config_version, outcome, answered_by, ms,
        steps, created_at
    ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"""
#: the newest; by a turn, by the provider's id of its last message, by a message's row, or by the provider's id of any
#: message of a customer's whose tenant is known
TRACES: Final = """
    SELECT id, organization_id, instance_id, turn_id, message_id, attempt, config_version, outcome, answered_by, ms,
        steps, created_at
    FROM auzap_traces WHERE id IN (
        SELECT id FROM auzap_traces WHERE turn_id = ?1
        UNION SELECT id FROM auzap_traces WHERE message_id = ?1
        UNION SELECT t.id FROM auzap_inbox i JOIN auzap_traces t ON t.turn_id = i.turn_id WHERE i.id = ?1
        UNION SELECT t.id FROM messages m
            JOIN auzap_inbox i ON i.id = m.id JOIN auzap_traces t ON t.turn_id = i.turn_id
            WHERE m.organization_id = ?2 AND m.whatsapp_message_id = ?1
    ) AND (?2 IS NULL OR organization_id = ?2)
    ORDER BY created_at DESC, attempt DESC, id DESC LIMIT ?3"""

# ------------------------------------------------------------------ once, retention

ONCE: Final = "SELECT result FROM auzap_once WHERE turn_id = ? AND name = ?"
INSERT_ONCE: Final = """
    INSERT INTO auzap_once (organization_id, turn_id, name, result, created_at) VALUES (?, ?, ?, ?, ?)"""

OLD_INBOX: Final = """
    SELECT id FROM auzap_inbox
    WHERE state IN ('done', 'dead') AND updated_at < MAX(?1, ?2)
      AND updated_at < CASE state WHEN 'done' THEN ?1 ELSE ?2 END
    ORDER BY updated_at LIMIT ?3"""
#: what a turn that may go on sent already is kept with it, so that it is not sent again; and a scheduled reply that
#: failed as long as its own dead letter, which names nothing but the row
OLD_OUTBOX: Final = """
    SELECT id FROM auzap_outbox o
    WHERE state IN ('sent', 'failed', 'cancelled') AND updated_at < ?1
      AND (updated_at < ?2 OR state <> 'failed' OR not_before IS NULL) AND NOT EXISTS (
        SELECT 1 FROM auzap_inbox i WHERE i.turn_id = o.turn_id AND i.state IN ('handled', 'dead'))
    ORDER BY updated_at LIMIT ?3"""
OLD_TRACES: Final = "SELECT id FROM auzap_traces WHERE created_at < ? ORDER BY created_at LIMIT ?"
OLD_STATES: Final = """
    SELECT organization_id, instance_id, chat_id, plugin, name FROM auzap_state
    WHERE expires_at IS NOT NULL AND expires_at <= ? ORDER BY expires_at LIMIT ?"""
DELETE_TRACES: Final = "DELETE FROM auzap_traces WHERE id IN (VALUES (?))"
DELETE_ONCE: Final = "DELETE FROM auzap_once WHERE turn_id IN (VALUES (?))"
DELETE_INBOX: Final = "DELETE FROM auzap_inbox WHERE id IN (VALUES (?))"
DELETE_OUTBOX: Final = "DELETE FROM auzap_outbox WHERE id IN (VALUES (?))"
