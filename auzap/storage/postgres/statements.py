"""Every statement of the store, once, for Postgres.

What is given for many rows comes as one array a column, so that one prepared statement serves every number of them:
``{new(id t, lease_token b)}`` are rows of a text and a bigint, under the name ``new``. ``{table.column}`` is that
column's type in this database: the tables that may be older than auzap have ids of text or uuid and columns of enums;
texts are cast on their way in, and to text on their way out. Rows that decide about a lease's token are locked when
they are read.
"""

from __future__ import annotations

from typing import Final

# ------------------------------------------------------------------ the inbox

_INBOX_ROW: Final = """
        i.id, i.turn_id, i.state, i.reason, i.lease_token, i.revived, i.attempts, i.envelope_id, i.contact_id,
        i.conversation_id, i.created_at"""
#: all of a group: the two columns of the key, then the row. The time comes first: in a row of its own, if there is none
INBOX_BY_KEYS: Final = (
    """
    SELECT clock_timestamp(), i.organization_id, i.dedupe_key,"""  # noqa: S608 - all of it stands here
    + _INBOX_ROW
    + """
    FROM (SELECT) one LEFT JOIN (
        SELECT i.* FROM {w(organization_id t, dedupe_key t)}
        JOIN auzap_inbox i ON i.organization_id = w.organization_id AND i.dedupe_key = w.dedupe_key
        FOR UPDATE OF i
    ) i ON true"""
)
INBOX_BY_ENVELOPE: Final = (
    "SELECT"
    + _INBOX_ROW
    + """
    FROM auzap_inbox i
    WHERE i.organization_id = $1::text AND i.envelope_id = $2::text AND i.dedupe_key IS NULL FOR UPDATE"""
)
INSERT_INBOX: Final = """
    INSERT INTO auzap_inbox (
        id, turn_id, state, reason, lease_token, revived, attempts, envelope_id, contact_id, conversation_id,
        created_at, updated_at, organization_id, instance_id, dedupe_key, chat_id, message_id, message_type,
        content, sender_role, sender_phone, accepted_at
    ) SELECT * FROM {new(
        id t, turn_id t, state t, reason t, lease_token b, revived b, attempts b, envelope_id t, contact_id t,
        conversation_id t, created_at z, updated_at z, organization_id t, instance_id t, dedupe_key t,
        chat_id t, message_id t, message_type t, content t, sender_role t, sender_phone t, accepted_at z
    )}"""
UPDATE_INBOX: Final = """
    UPDATE auzap_inbox
    SET turn_id = new.turn_id, state = new.state, reason = new.reason, lease_token = new.lease_token,
        revived = new.revived, attempts = new.attempts, envelope_id = new.envelope_id, contact_id = new.contact_id,
        conversation_id = new.conversation_id, updated_at = new.updated_at
    FROM {new(
        turn_id t, state t, reason t, lease_token b, revived b, attempts b, envelope_id t, contact_id t,
        conversation_id t, updated_at z, id t
    )} WHERE auzap_inbox.id = new.id"""
UPDATE_INBOX_SENDER: Final = """
    UPDATE auzap_inbox
    SET content = new.content, sender_role = new.sender_role, sender_phone = new.sender_phone
    FROM {new(content t, sender_role t, sender_phone t, id t)} WHERE auzap_inbox.id = new.id"""
CREATED_AT: Final = "SELECT created_at FROM auzap_inbox WHERE id = $1::text"

LEAVE_TURN: Final = "UPDATE auzap_inbox SET turn_id = id WHERE turn_id = $1::text AND id <> ALL ($2::text[])"
#: each with what became of its conversation
LOOK_AT_TURNS: Final = """
    SELECT i.turn_id, i.state, i.lease_token, c.taken_over_at::timestamptz AS taken_over_at
    FROM {w(turn_id t)} JOIN auzap_inbox i ON i.turn_id = w.turn_id
    LEFT JOIN conversations c ON c.id = i.conversation_id::{conversations.id}"""
#: the time comes first, as in ``INBOX_BY_KEYS``; the rows are held
TURNS: Final = (
    """
    SELECT clock_timestamp(), r.turn_id, r.state, r.lease_token, r.taken_over_at
    FROM (SELECT) one LEFT JOIN ("""  # noqa: S608 - all of it stands here
    + LOOK_AT_TURNS
    + " FOR UPDATE OF i) r ON true"
)
HANDLE_TURN: Final = """
    UPDATE auzap_inbox
    SET state = new.state, reason = new.reason, answered_by = new.answered_by, attempts = new.attempts,
        lease_token = new.lease_token, updated_at = new.updated_at
    FROM {new(state t, reason t, answered_by t, attempts b, lease_token b, updated_at z, turn_id t)}
    WHERE auzap_inbox.turn_id = new.turn_id AND auzap_inbox.state = 'received'"""
FINISH_TURN: Final = """
    UPDATE auzap_inbox SET state = 'done', updated_at = new.updated_at
    FROM {new(updated_at z, turn_id t)}
    WHERE auzap_inbox.turn_id = new.turn_id AND auzap_inbox.state = 'handled' AND NOT EXISTS (
        SELECT 1 FROM auzap_outbox o
        WHERE o.turn_id = auzap_inbox.turn_id AND o.state IN ('pending', 'sending') AND o.not_before IS NULL)"""
END_TURN: Final = """
    UPDATE auzap_inbox SET state = $1::text, reason = $2::text, updated_at = $3::timestamptz
    WHERE turn_id = $4::text AND state = 'handled'"""
KILL_TURN: Final = """
    UPDATE auzap_inbox
    SET state = 'dead', reason = $1::text, attempts = GREATEST(attempts, $2::int), lease_token = $3::bigint,
        updated_at = $4::timestamptz
    WHERE turn_id = $5::text AND state IN ('received', 'handled')"""
KILL_ROW: Final = """
    UPDATE auzap_inbox
    SET state = 'dead', reason = $1::text, lease_token = $2::bigint, updated_at = $3::timestamptz WHERE id = $4::text"""
UNFINISHED: Final = """
    SELECT id, turn_id, state, lease_token FROM auzap_inbox
    WHERE envelope_id = $3::text AND state IN ('received', 'handled') AND id IN (
        SELECT id FROM auzap_inbox WHERE organization_id = $1::text AND dedupe_key = $2::text
        UNION ALL
        SELECT id FROM auzap_inbox
        WHERE $2::text IS NULL AND organization_id = $1::text AND envelope_id = $3::text AND dedupe_key IS NULL)
    FOR UPDATE"""
REVIVE_TURN: Final = """
    UPDATE auzap_inbox SET state = $1::text, reason = NULL, attempts = 0, updated_at = $2::timestamptz
    WHERE turn_id = $3::text AND state = 'dead'"""

# ------------------------------------------------------------------ messages and interactions

INSERT_INBOUND: Final = """
    INSERT INTO messages (
        id, organization_id, conversation_id, instance_id, whatsapp_message_id, direction, content, message_type,
        status, sender_phone, processed_by_ai, created_at
    ) SELECT id::{messages.id}, organization_id::{messages.organization_id},
        conversation_id::{messages.conversation_id}, instance_id::{messages.instance_id},
        whatsapp_message_id::{messages.whatsapp_message_id}, 'inbound', content, message_type::{messages.message_type},
        'delivered', sender_phone::{messages.sender_phone}, false, created_at
    FROM {new(
        id t, organization_id t, conversation_id t, instance_id t, whatsapp_message_id t, content t,
        message_type t, sender_phone t, created_at z
    )} ON CONFLICT DO NOTHING"""
_INSERT_OUTBOUND: Final = """
    INSERT INTO messages (
        id, organization_id, conversation_id, instance_id, direction, content, message_type, status, ai_response,
        created_at
    ) SELECT id::{messages.id}, organization_id::{messages.organization_id},
        conversation_id::{messages.conversation_id}, instance_id::{messages.instance_id}, 'outbound', content, 'text',
        'pending', %s, created_at
    FROM {new(id t, organization_id t, conversation_id t, instance_id t, content t, created_at z)}"""
INSERT_OUTBOUND: Final = _INSERT_OUTBOUND % "true"
INSERT_OUTGOING: Final = _INSERT_OUTBOUND % "false"
OUTGOING: Final = """
    SELECT status::text, content FROM messages WHERE id = $1::text::{messages.id} AND direction = 'outbound'"""
LAST_CHAT: Final = """
    SELECT i.chat_id FROM messages m JOIN auzap_inbox i ON i.id = m.id::text
    WHERE m.conversation_id = $1::text::{messages.conversation_id} AND m.direction = 'inbound'
      AND i.instance_id = $2::text AND i.chat_id NOT LIKE '%@g.us'
    ORDER BY m.created_at DESC LIMIT 1"""
CONTACT_PHONE: Final = "SELECT phone::text FROM contacts WHERE id = $1::text::{contacts.id}"
DELETE_MESSAGE: Final = "DELETE FROM messages WHERE id = $1::text::{messages.id}"
MESSAGE_SENT: Final = """
    UPDATE messages
    SET status = 'sent',
        whatsapp_message_id = COALESCE(new.provider_id::{messages.whatsapp_message_id}, whatsapp_message_id)
    FROM {new(provider_id t, id t)} WHERE messages.id = new.id::{messages.id}"""
_MESSAGE_STATUS: Final = """
    UPDATE messages SET status = '%s' FROM {new(id t)}
    WHERE messages.id = new.id::{messages.id} AND messages.status = '%s'"""
MESSAGE_FAILED: Final = _MESSAGE_STATUS % ("failed", "pending")
MESSAGE_PENDING: Final = _MESSAGE_STATUS % ("pending", "failed")
#: only upwards: receipts come late, twice and out of order
RAISE_STATUS: Final = """
    UPDATE messages SET status = new.status::{messages.status}
    FROM {new(status t, organization_id t, provider_id t, rank b)}
    WHERE messages.organization_id = new.organization_id::{messages.organization_id}
      AND messages.whatsapp_message_id = new.provider_id::{messages.whatsapp_message_id} AND direction = 'outbound'
      AND CASE messages.status::text
          WHEN 'sent' THEN 1 WHEN 'failed' THEN 2 WHEN 'delivered' THEN 3 WHEN 'read' THEN 4 ELSE 0 END < new.rank"""
#: the row in ``messages`` outlives the one in the outbox
IS_OURS: Final = """
    SELECT 1 FROM auzap_outbox WHERE organization_id = $1::text AND provider_id = $2::text
    UNION ALL
    SELECT 1 FROM messages
    WHERE organization_id = $3::text::{messages.organization_id}
      AND whatsapp_message_id = $4::text::{messages.whatsapp_message_id} AND direction = 'outbound'
    LIMIT 1"""
OURS: Final = """
    SELECT w.organization_id, w.provider_id FROM {w(organization_id t, provider_id t)}
    WHERE EXISTS (
        SELECT 1 FROM auzap_outbox o WHERE o.organization_id = w.organization_id AND o.provider_id = w.provider_id)
      OR EXISTS (
        SELECT 1 FROM messages m
        WHERE m.organization_id = w.organization_id::{messages.organization_id}
          AND m.whatsapp_message_id = w.provider_id::{messages.whatsapp_message_id} AND m.direction = 'outbound')"""
INSERT_INTERACTION: Final = """
    INSERT INTO ai_interactions (
        id, organization_id, conversation_id, message_id, prompt, response, intent, sentiment, confidence, model_used,
        created_at
    ) SELECT id::{ai_interactions.id}, organization_id::{ai_interactions.organization_id},
        conversation_id::{ai_interactions.conversation_id}, message_id::{ai_interactions.message_id}, prompt, response,
        intent::{ai_interactions.intent}, sentiment::{ai_interactions.sentiment}, confidence,
        model_used::{ai_interactions.model_used}, created_at
    FROM {new(
        id t, organization_id t, conversation_id t, message_id t, prompt t, response t, intent t, sentiment t,
        confidence f, model_used t, created_at z
    )}"""

# ------------------------------------------------------------------ the outbox

_REPLY: Final = """
    SELECT id, turn_id, organization_id, instance_id, chat_id, content, state, attempts, not_before, reason
    FROM auzap_outbox """
REPLY: Final = _REPLY + "WHERE id = $1::text"
REPLIES_OF_TURN: Final = _REPLY + "WHERE turn_id = $1::text AND not_before IS NULL ORDER BY ordinal"
INSERT_REPLY: Final = """
    INSERT INTO auzap_outbox (
        id, organization_id, instance_id, turn_id, ordinal, chat_id, content, conversation_id, state, attempts,
        lease_token, not_before, created_at, updated_at, config_version
    ) SELECT id, organization_id, instance_id, turn_id, ordinal, chat_id, content, conversation_id, state, 0,
        lease_token, not_before, created_at, updated_at, config_version
    FROM {new(
        id t, organization_id t, instance_id t, turn_id t, ordinal b, chat_id t, content t, conversation_id t,
        state t, lease_token b, not_before z, created_at z, updated_at z, config_version t
    )}"""
WAITING: Final = """
    SELECT count(*) FROM (
        SELECT 1 FROM auzap_outbox
        WHERE organization_id = $1::text AND turn_id IS NULL AND state = 'pending' LIMIT $2::bigint) waiting"""
FENCE_OF_REPLY: Final = """
    SELECT lease_token, state, attempts, turn_id FROM auzap_outbox WHERE id = $1::text FOR UPDATE"""
TAKE_REPLIES: Final = """
    UPDATE auzap_outbox SET lease_token = $1::bigint
    WHERE turn_id = $2::text AND lease_token < $3::bigint AND state IN ('pending', 'sending')"""
CLAIM: Final = """
    UPDATE auzap_outbox SET state = 'sending', lease_token = new.lease_token, updated_at = new.updated_at
    FROM {new(lease_token b, updated_at z, id t, token b, began_at z)}
    WHERE auzap_outbox.id = new.id AND auzap_outbox.lease_token <= new.token
      AND auzap_outbox.state IN ('pending', 'sending') AND NOT EXISTS (
        SELECT 1 FROM conversations c
        WHERE c.id = auzap_outbox.conversation_id::{conversations.id} AND c.taken_over_at > new.began_at)
    RETURNING auzap_outbox.id"""
FENCES_OF_REPLIES: Final = """
    SELECT o.id, o.lease_token, o.state, o.attempts, o.turn_id
    FROM {w(id t)} JOIN auzap_outbox o ON o.id = w.id FOR UPDATE OF o"""
SENT: Final = """
    UPDATE auzap_outbox
    SET state = 'sent', provider_id = new.provider_id, reason = NULL, lease_token = new.lease_token,
        updated_at = new.updated_at
    FROM {new(provider_id t, lease_token b, updated_at z, id t)} WHERE auzap_outbox.id = new.id"""
UNSENT: Final = """
    UPDATE auzap_outbox
    SET state = 'pending', attempts = attempts + CASE WHEN state = 'sending' AND $1::boolean THEN 1 ELSE 0 END,
        reason = $2::text, lease_token = $3::bigint, updated_at = $4::timestamptz
    WHERE id = $5::text AND lease_token <= $6::bigint AND state IN ('pending', 'sending')
    RETURNING attempts"""
REFUSED: Final = """
    UPDATE auzap_outbox
    SET state = 'failed', reason = $1::text, lease_token = $2::bigint, updated_at = $3::timestamptz
    WHERE id = $4::text AND lease_token <= $5::bigint AND state IN ('pending', 'sending')
    RETURNING turn_id, ordinal, not_before"""
_CANCEL: Final = """
    UPDATE auzap_outbox SET state = 'cancelled', reason = $1::text, updated_at = $2::timestamptz
    WHERE state IN ('pending', 'sending') AND """
CANCEL_REPLY: Final = _CANCEL + "id = $3::text RETURNING id"
CANCEL_REPLIES: Final = _CANCEL + "turn_id = $3::text AND ordinal > $4::int RETURNING id"
ALL_REPLIES: Final = "SELECT id, state, not_before FROM auzap_outbox WHERE turn_id = $1::text"
REVIVE_REPLIES: Final = """
    UPDATE auzap_outbox
    SET state = 'pending', attempts = 0, reason = NULL, queued_at = NULL, lease_token = $1::bigint,
        updated_at = $2::timestamptz
    WHERE turn_id = $3::text AND state IN ('failed', 'cancelled')
    RETURNING id"""
REVIVE_REPLY: Final = """
    UPDATE auzap_outbox
    SET state = 'pending', attempts = 0, reason = NULL, lease_token = $1::bigint, updated_at = $2::timestamptz
    WHERE id = $3::text AND lease_token <= $4::bigint AND state IN ('failed', 'cancelled')
    RETURNING id"""
DUE: Final = """
    SELECT id, organization_id, instance_id, chat_id FROM auzap_outbox
    WHERE not_before IS NOT NULL AND queued_at IS NULL AND state = 'pending' AND not_before <= $1::timestamptz
    ORDER BY not_before, id LIMIT $2::bigint"""
QUEUED: Final = """
    UPDATE auzap_outbox SET queued_at = new.queued_at FROM {new(queued_at z, id t)}
    WHERE auzap_outbox.id = new.id AND auzap_outbox.queued_at IS NULL"""

# ------------------------------------------------------------------ people

CONTACT_BY_IDENTITY: Final = """
    SELECT c.id::text, c.phone::text, c.created_at::timestamptz
    FROM contact_identities i JOIN contacts c ON c.id = i.contact_id::{contacts.id}
    WHERE i.organization_id = $1::text AND i.kind = $2::text AND i.value = $3::text"""
#: all of a group: the identity, its contact, and the contact's active conversation
PEOPLE: Final = """
    SELECT i.organization_id, i.kind, i.value, c.id::text, c.phone::text, c.created_at::timestamptz,
        v.id::text, v.ai_enabled, v.taken_over_at::timestamptz
    FROM {w(organization_id t, kind t, value t)}
    JOIN contact_identities i ON i.organization_id = w.organization_id AND i.kind = w.kind AND i.value = w.value
    JOIN contacts c ON c.id = i.contact_id::{contacts.id}
    LEFT JOIN auzap_active a ON a.organization_id = i.organization_id AND a.contact_id = i.contact_id
    LEFT JOIN conversations v ON v.id = a.conversation_id::{conversations.id} AND v.status = 'active'"""
CONTACT_BY_PHONE: Final = """
    SELECT id::text, phone::text, created_at::timestamptz FROM contacts
    WHERE organization_id = $1::text::{contacts.organization_id} AND phone = ANY ($2::text[])
    ORDER BY contacts.created_at NULLS FIRST, contacts.id LIMIT 1"""
CONTACTS_BY_PHONES: Final = """
    SELECT w.organization_id, w.phone, c.id::text, c.phone::text, c.created_at::timestamptz
    FROM {w(organization_id t, phone t)}
    JOIN contacts c ON c.organization_id = w.organization_id::{contacts.organization_id} AND c.phone = w.phone"""
INSERT_CONTACT: Final = """
    INSERT INTO contacts (id, organization_id, phone, name, status, created_at, updated_at)
    SELECT id::{contacts.id}, organization_id::{contacts.organization_id}, phone, name, 'active', created_at, updated_at
    FROM {new(id t, organization_id t, phone t, name t, created_at z, updated_at z)}"""
NAME_PHONE: Final = """
    UPDATE contacts
    SET phone = $1::text, name = CASE WHEN name = phone THEN $2::text ELSE name END, updated_at = $3::timestamptz
    WHERE id = $4::text::{contacts.id}"""
LINK: Final = """
    INSERT INTO contact_identities (organization_id, kind, value, contact_id)
    SELECT * FROM {new(organization_id t, kind t, value t, contact_id t)}
    ON CONFLICT (organization_id, kind, value) DO UPDATE SET contact_id = excluded.contact_id"""
RELINK: Final = """
    UPDATE contact_identities SET contact_id = $1::text WHERE organization_id = $2::text AND contact_id = $3::text"""

ACTIVE_CONVERSATION: Final = """
    SELECT c.id::text, c.ai_enabled, c.taken_over_at::timestamptz
    FROM auzap_active a JOIN conversations c ON c.id = a.conversation_id::{conversations.id}
    WHERE a.organization_id = $1::text AND a.contact_id = $2::text AND c.status = 'active'"""
NEWEST_CONVERSATION: Final = """
    SELECT id::text, ai_enabled, taken_over_at::timestamptz FROM conversations
    WHERE organization_id = $1::text::{conversations.organization_id}
      AND contact_id = $2::text::{conversations.contact_id} AND status = 'active'
    ORDER BY COALESCE(last_message_at, first_message_at, created_at) DESC NULLS LAST, conversations.id DESC LIMIT 1"""
CONVERSATION: Final = """
    SELECT id::text, ai_enabled, taken_over_at::timestamptz FROM conversations
    WHERE id = $1::text::{conversations.id}"""
INSERT_CONVERSATION: Final = """
    INSERT INTO conversations (
        id, organization_id, instance_id, contact_id, status, ai_enabled, first_message_at, last_message_at, created_at
    ) SELECT id::{conversations.id}, organization_id::{conversations.organization_id},
        instance_id::{conversations.instance_id}, contact_id::{conversations.contact_id}, 'active', true,
        first_message_at, last_message_at, created_at
    FROM {new(
        id t, organization_id t, instance_id t, contact_id t, first_message_at z, last_message_at z,
        created_at z
    )}"""
#: one that was closed since it was read is none of these
TOUCH_CONVERSATION: Final = """
    UPDATE conversations SET last_message_at = GREATEST(conversations.last_message_at, new.last_message_at)
    FROM {new(last_message_at z, id t)}
    WHERE conversations.id = new.id::{conversations.id} AND conversations.status = 'active'
    RETURNING conversations.id::text, conversations.ai_enabled, conversations.taken_over_at::timestamptz"""
MOVE_CONVERSATION: Final = """
    UPDATE conversations SET contact_id = $1::text::{conversations.contact_id}
    WHERE id = $2::text::{conversations.id}"""
CLOSE_CONVERSATION: Final = "UPDATE conversations SET status = 'closed' WHERE id = $1::text::{conversations.id}"
ACTIVATE: Final = """
    INSERT INTO auzap_active (organization_id, contact_id, conversation_id)
    SELECT * FROM {new(organization_id t, contact_id t, conversation_id t)}
    ON CONFLICT (organization_id, contact_id) DO UPDATE SET conversation_id = excluded.conversation_id"""
DEACTIVATE: Final = "DELETE FROM auzap_active WHERE organization_id = $1::text AND contact_id = $2::text"
#: at the time of the row's own change, which comes after every turn that saw the row as it was before
TAKE_OVER: Final = """
    UPDATE conversations
    SET ai_enabled = false, taken_over_at = GREATEST(taken_over_at::timestamptz, $1::timestamptz, clock_timestamp())
    WHERE id = $2::text::{conversations.id}"""
#: as the conversation that becomes part of it was
STAY_SILENT: Final = """
    UPDATE conversations SET ai_enabled = false, taken_over_at = GREATEST(taken_over_at::timestamptz, $1::timestamptz)
    WHERE id = $2::text::{conversations.id}"""
HAND_BACK: Final = "UPDATE conversations SET ai_enabled = true WHERE id = $1::text::{conversations.id}"

# ------------------------------------------------------------------ owners

OWNER_PHONES: Final = """
    SELECT phone::text FROM owner_numbers WHERE organization_id = $1::text::{owner_numbers.organization_id}"""
INSERT_OWNER: Final = """
    INSERT INTO owner_numbers (id, organization_id, phone, role, active, created_at)
    SELECT id::{owner_numbers.id}, organization_id::{owner_numbers.organization_id}, phone, 'owner', true, created_at
    FROM {new(id t, organization_id t, phone t, created_at z)}"""
OWNERS: Final = """
    SELECT id::text, phone::text, name::text, role::text FROM owner_numbers
    WHERE organization_id = $1::text::{owner_numbers.organization_id} AND COALESCE(active, true)
    ORDER BY owner_numbers.created_at NULLS FIRST, owner_numbers.id"""
OWNER_LIDS: Final = "SELECT owner_number_id, lid FROM owner_identities WHERE organization_id = $1::text ORDER BY lid"
LINK_OWNER: Final = """
    INSERT INTO owner_identities (organization_id, lid, owner_number_id)
    SELECT * FROM {new(organization_id t, lid t, owner_number_id t)}
    ON CONFLICT (organization_id, lid) DO UPDATE SET owner_number_id = excluded.owner_number_id"""

# ------------------------------------------------------------------ what plugins remember, and do by the clock

STATE_OF: Final = """
    SELECT name, value FROM auzap_state
    WHERE organization_id = $1::text AND instance_id = $2::text AND chat_id = $3::text AND plugin = $4::text
      AND (expires_at IS NULL OR expires_at > $5::timestamptz)"""
SET_STATE: Final = """
    INSERT INTO auzap_state (organization_id, instance_id, chat_id, plugin, name, value, expires_at, updated_at)
    SELECT * FROM {new(
        organization_id t, instance_id t, chat_id t, plugin t, name t, value t, expires_at z, updated_at z
    )}
    ON CONFLICT (organization_id, instance_id, chat_id, plugin, name) DO UPDATE
    SET value = excluded.value, expires_at = excluded.expires_at, updated_at = excluded.updated_at"""
DELETE_STATE: Final = """
    DELETE FROM auzap_state s USING {new(organization_id t, instance_id t, chat_id t, plugin t, name t)}
    WHERE s.organization_id = new.organization_id AND s.instance_id = new.instance_id AND s.chat_id = new.chat_id
      AND s.plugin = new.plugin AND s.name = new.name"""

#: those that are known, and due by the same rule, stay untouched, and unlocked
ENSURE_RUNS: Final = """
    INSERT INTO auzap_schedules (organization_id, plugin, method, rule, due_at, token, lost)
    SELECT organization_id, plugin, method, rule, due_at, 0, 0
    FROM {new(organization_id t, plugin t, method t, rule t, due_at z)} WHERE NOT EXISTS (
        SELECT 1 FROM auzap_schedules s
        WHERE s.organization_id = new.organization_id AND s.plugin = new.plugin AND s.method = new.method
          AND s.rule = new.rule)
    ON CONFLICT (organization_id, plugin, method) DO UPDATE SET rule = excluded.rule, due_at = excluded.due_at"""
_DUE_RUN: Final = "due_at <= $1::timestamptz AND (claimed_until IS NULL OR claimed_until <= $1::timestamptz)"
RUNS_DUE: Final = f"SELECT 1 FROM auzap_schedules WHERE {_DUE_RUN} LIMIT 1"  # noqa: S608 - all of it stands here
#: rows that another worker claims just now are left to it
CLAIM_RUNS: Final = f"""
    WITH due AS MATERIALIZED (
        SELECT organization_id, plugin, method FROM auzap_schedules s
        WHERE {_DUE_RUN} AND NOT EXISTS (
            SELECT 1 FROM auzap_schedules o
            WHERE o.organization_id = s.organization_id AND (
                o.claimed_until > $1::timestamptz
                OR (o.due_at, o.plugin, o.method) < (s.due_at, s.plugin, s.method)))
        ORDER BY due_at LIMIT $3::bigint FOR UPDATE SKIP LOCKED
    )
    UPDATE auzap_schedules s
    SET claimed_until = $2::timestamptz, token = s.token + 1, lost = s.lost + (s.claimed_until IS NOT NULL)::int
    FROM due WHERE s.organization_id = due.organization_id AND s.plugin = due.plugin AND s.method = due.method
    RETURNING s.organization_id, s.plugin, s.method, s.rule, s.due_at, s.token, s.lost"""  # noqa: S608 - all of it stands here
NOTE_RUN: Final = """
    UPDATE auzap_schedules s
    SET due_at = new.due_at, last_ran_at = new.last_ran_at, error = new.error, claimed_until = NULL, lost = 0
    FROM {new(due_at z, last_ran_at z, error t, organization_id t, plugin t, method t, token b)}
    WHERE s.organization_id = new.organization_id AND s.plugin = new.plugin AND s.method = new.method
      AND s.token = new.token AND s.claimed_until IS NOT NULL
    RETURNING s.organization_id, s.plugin, s.method, s.token"""
KEEP_RUN: Final = """
    UPDATE auzap_schedules s SET claimed_until = new.claimed_until
    FROM {new(claimed_until z, organization_id t, plugin t, method t, token b)}
    WHERE s.organization_id = new.organization_id AND s.plugin = new.plugin AND s.method = new.method
      AND s.token = new.token AND s.claimed_until IS NOT NULL
    RETURNING s.organization_id, s.plugin, s.method, s.token"""
PUT_OFF_RUN: Final = """
    UPDATE auzap_schedules s SET due_at = new.due_at, claimed_until = NULL
    FROM {new(due_at z, organization_id t, plugin t, method t, token b)}
    WHERE s.organization_id = new.organization_id AND s.plugin = new.plugin AND s.method = new.method
      AND s.token = new.token AND s.claimed_until IS NOT NULL
    RETURNING s.organization_id, s.plugin, s.method, s.token"""
FORGET_RUNS: Final = """
    DELETE FROM auzap_schedules s USING {new(organization_id t, plugin t, method t)}
    WHERE s.organization_id = new.organization_id AND s.plugin = new.plugin AND s.method = new.method"""

# ------------------------------------------------------------------ traces

INSERT_TRACE: Final = """
    INSERT INTO auzap_traces (
        id, organization_id, instance_id, turn_id, message_id, attempt, config_version, outcome, answered_by, ms,
        steps, created_at
    ) SELECT id, organization_id, instance_id, turn_id, message_id, attempt, config_version, outcome, answered_by, ms,
        steps::json, created_at
    FROM {new(
        id t, organization_id t, instance_id t, turn_id t, message_id t, attempt b, config_version t, outcome t,
        answered_by t, ms f, steps t, created_at z
    )} ON CONFLICT DO NOTHING"""
TRACES: Final = """
    SELECT id, organization_id, instance_id, turn_id, message_id, attempt, config_version, outcome, answered_by, ms,
        steps::text, created_at
    FROM auzap_traces WHERE id IN (
        SELECT id FROM auzap_traces WHERE turn_id = $1::text
        UNION SELECT id FROM auzap_traces WHERE message_id = $1::text
        UNION SELECT t.id FROM auzap_inbox i JOIN auzap_traces t ON t.turn_id = i.turn_id WHERE i.id = $1::text
        UNION SELECT t.id FROM messages m
            JOIN auzap_inbox i ON i.id = m.id::text JOIN auzap_traces t ON t.turn_id = i.turn_id
            WHERE m.organization_id = $2::text::{messages.organization_id}
              AND m.whatsapp_message_id = $1::text::{messages.whatsapp_message_id}
    ) AND ($2::text IS NULL OR organization_id = $2::text)
    ORDER BY created_at DESC, attempt DESC, id DESC LIMIT $3::bigint"""

# ------------------------------------------------------------------ once, retention

ONCE: Final = "SELECT result::text FROM auzap_once WHERE turn_id = $1::text AND name = $2::text"
INSERT_ONCE: Final = """
    INSERT INTO auzap_once (organization_id, turn_id, name, result, created_at)
    SELECT organization_id, turn_id, name, result::json, created_at
    FROM {new(organization_id t, turn_id t, name t, result t, created_at z)}"""

#: rows that another worker removes just now are left to it
OLD_INBOX: Final = """
    SELECT id FROM auzap_inbox
    WHERE state IN ('done', 'dead') AND updated_at < GREATEST($1::timestamptz, $2::timestamptz)
      AND updated_at < CASE state WHEN 'done' THEN $1::timestamptz ELSE $2::timestamptz END
    ORDER BY updated_at LIMIT $3::bigint FOR UPDATE SKIP LOCKED"""
OLD_OUTBOX: Final = """
    SELECT id FROM auzap_outbox o
    WHERE state IN ('sent', 'failed', 'cancelled') AND updated_at < $1::timestamptz
      AND (updated_at < $2::timestamptz OR state <> 'failed' OR not_before IS NULL) AND NOT EXISTS (
        SELECT 1 FROM auzap_inbox i WHERE i.turn_id = o.turn_id AND i.state IN ('handled', 'dead'))
    ORDER BY updated_at LIMIT $3::bigint FOR UPDATE OF o SKIP LOCKED"""
OLD_TRACES: Final = """
    SELECT id FROM auzap_traces WHERE created_at < $1::timestamptz
    ORDER BY created_at LIMIT $2::bigint FOR UPDATE SKIP LOCKED"""
OLD_STATES: Final = """
    SELECT organization_id, instance_id, chat_id, plugin, name FROM auzap_state
    WHERE expires_at IS NOT NULL AND expires_at <= $1::timestamptz
    ORDER BY expires_at LIMIT $2::bigint FOR UPDATE SKIP LOCKED"""
DELETE_TRACES: Final = "DELETE FROM auzap_traces USING {new(id t)} WHERE auzap_traces.id = new.id"
DELETE_ONCE: Final = "DELETE FROM auzap_once USING {new(turn_id t)} WHERE auzap_once.turn_id = new.turn_id"
DELETE_INBOX: Final = "DELETE FROM auzap_inbox USING {new(id t)} WHERE auzap_inbox.id = new.id"
DELETE_OUTBOX: Final = "DELETE FROM auzap_outbox USING {new(id t)} WHERE auzap_outbox.id = new.id"

# ------------------------------------------------------------------ this database's own

#: held to the end of the transaction, in the order given
LOCK: Final = "SELECT pg_advisory_xact_lock(new.key) FROM {new(key b)}"
TIME: Final = "SELECT clock_timestamp()"
#: the types of columns as they are found, in the tables that the search path leads to
COLUMNS: Final = """
    SELECT c.relname || '.' || a.attname, format_type(a.atttypid, NULL)
    FROM unnest($1::text[]) AS w (name) JOIN pg_class c ON c.oid = to_regclass(w.name)
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped"""
