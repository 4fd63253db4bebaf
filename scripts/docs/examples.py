"""Examples of keys and commands; their meanings stand in the code."""

from __future__ import annotations

from collections.abc import Mapping

from scripts.docs.fields import Examples

__all__ = ["CHANNEL", "COMMANDS", "JSON", "PLUGIN", "TENANT", "TOP"]

TOP: Examples = {
    "queue": "sqlite:///data/queue.db",
    "database": "sqlite:///data/auzap.db",
    "database.url": "sqlite:///data/auzap.db",
    "database.password": "${DATABASE_PASSWORD:-}",
    "database.migrate": "manual",
    "worker.concurrency": "8",
    "worker.attempts": "5",
    "worker.backoff.type": "fixed",
    "worker.backoff.delay": "500ms",
    "worker.lease": "1m",
    "worker.timeout": "20s",
    "worker.drain": "45s",
    "worker.rate_limit": "{max: 50, per: 1s}",
    "worker.rate_limit.max": "50",
    "worker.rate_limit.per": "2s",
    "stale_after": "6h",
    "give_up_after": "3h",
    "retention.inbox": "14d",
    "retention.outbox": "14d",
    "retention.dead": "180d",
    "retention.traces": "3d",
    "tenants": "{abc123: {name: Pet Shop Centro}}",
    "tenants_from": "tenants/*.yaml",
    "defaults": "{timezone: America/Recife}",
}
TENANT: Examples = {
    "name": "Pet Shop Centro",
    "timezone": "America/Manaus",
    "owners": '["+55 11 90000-0001"]',
    "burst": "{window: 3s}",
    "burst.window": "5s",
    "burst.max": "20s",
    "groups": "true",
    "only": '["+55 11 90000-0010"]',
    "suspended": "true",
    "trace": "false",
    "instances": "{main: {channel: console}}",
    "plugins": "{aurora: {}, client_ai: {}}",
}
#: of all channels: one key means the same in each
CHANNEL: Examples = {
    "channel": "",  # the heading says it
    "normalizer": "",  # none comes with auzap
    "rate_limit": "{max: 5, per: 1s}",
    "rate_limit.max": "5",
    "rate_limit.per": "2s",
    "url": "http://127.0.0.1:3000",
    "token": "${BAILEYS_TOKEN:-}",
    "timeout": "5s",
    "client": "+55 11 90000-0012",
    "owner": "+55 11 90000-0002",
    "script": "[client: Oi!, owner: resumo]",
    "pause": "2s",
    "wait": "10s",
}
PLUGIN: Examples = {
    "timeout": "5s",
    "timeouts": "{handle_message: 20s}",
    "breaker": "{failures: 3, pause: 1m}",
    "breaker.failures": "3",
    "breaker.pause": "1m",
    "roles": "[owner]",
    "use": "",  # it stands under a name of the tenant's own
    "reply": '"Oi! Já respondemos. 🐶"',
}

_JOB = (
    '{"organizationId": "petshop", "instanceId": "main", "message": {"key": {"remoteJid": '
    '"5511900000010@s.whatsapp.net", "fromMe": false, "id": "3EB0C0FFEE"}, "message": {"conversation": "Oi!"}}}'
)
#: as they are typed; tests/test_docs_commands.py runs them
COMMANDS: Mapping[str, str] = {
    "init": 'auzap init loja --name "Pet Shop Centro" --owner "+55 11 90000-0001" --yes',
    "chat": 'auzap chat --say "Vocês abrem no sábado?"',
    "run": "auzap run --drain",
    "check": "auzap check --json",
    "enqueue": f"echo '{_JOB}' | auzap enqueue -",
    "normalize": f"echo '{_JOB}' | auzap normalize -",
    "queue stats": "auzap queue stats",
    "dead list": "auzap dead list --tenant petshop --json",
    "dead retry": "auzap dead retry --all --tenant petshop",
    "dead purge": "auzap dead purge --before 30d --yes",
    "send": 'auzap send --to "+55 11 90000-0010" "Seu pedido chegou! 🐾"',
    "db upgrade": "auzap db upgrade",
    "trace": "auzap trace 3EB0C0FFEE",
    "plugins list": "auzap plugins list",
    "plugins show": "auzap plugins show client_ai",
    "plugins check": "auzap plugins check client_ai",
    "plugins new": "auzap plugins new horario",
    "config schema": "auzap config schema > config.schema.json",
    "completion": "auzap completion bash > auzap.bash",
}

#: what a command prints with ``--json``, where its help does not say it
JSON: Mapping[str, str] = {
    "init": '`{"written": [path], "kept": [path]}`',
    "chat": (
        '`{"as", "phone", "text", "role", "classified_by", "answered_by", "state", "reason", "replies": [text], '
        '"scheduled": [{"text", "not_before"}], "failures": [{"attempt", "plugin", "hook", "error"}], "seconds"}` '
        "for each message"
    ),
    "send": '`{"id", "state", "to", "provider_id", "attempts", "reason"}`',
    "normalize": (
        '`{"kind", "event", "text", "extras", "chat_id", "chat_kind", "contact_phone", "contact_lid", "from_me", '
        '"message_id", "timestamp", "push_name", "quoted_id", "mentions", "forwarded", "view_once", "dispatch"}` '
        "for each message, with and without `--json`"
    ),
    "config schema": "always",
}
