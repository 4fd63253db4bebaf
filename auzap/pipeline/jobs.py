"""Jobs as a producer writes them: ``{organizationId, instanceId, message}``."""

from __future__ import annotations

from typing import Any, Final

from auzap.config.models import Config
from auzap.config.nodes import shown
from auzap.contract.queue import Envelope
from auzap.model.errors import BadPayload, PluginError
from auzap.pipeline.accept import accept
from auzap.registry import Registry

__all__ = ["accept_job"]

_FORM: Final = "a job is an object with organizationId, instanceId and message"
_KEYS: Final = ("message", "update", "takeover", "handback")


def accept_job(config: Config, registry: Registry, job: Any) -> list[Envelope]:
    """Its envelopes, for the tenant and instance that it names.

    :raises BadPayload: it is no job, or for nobody here, or not in its channel's form.
    """
    if not isinstance(job, dict):
        raise BadPayload(f"no object: {_FORM}")
    tenant_id, instance_id = _name(job, "organizationId"), _name(job, "instanceId")
    tenant = config.tenants.get(tenant_id)
    if tenant is None:
        left_out = "left out" if tenant_id in config.broken else "unknown"
        raise BadPayload(f"{left_out} tenant {shown(tenant_id)!r}")
    instance = tenant.instances.get(instance_id)
    if instance is None:
        raise BadPayload(f"unknown instance {shown(instance_id)!r} of tenant {tenant_id!r}")
    posted = {key: job[key] for key in _KEYS if key in job}
    if not posted:
        raise BadPayload(f"no message: {_FORM}")
    try:
        channel = registry.channel(instance.channel)
    except PluginError as error:
        raise BadPayload(str(error)) from error
    return accept(tenant_id, instance_id, channel, posted.get("message", posted))


def _name(job: dict[str, Any], key: str) -> str:
    value = job.get(key)
    if not isinstance(value, str) or not value:
        raise BadPayload(f"no {key}: {_FORM}")
    return value
