"""Normalize: a payload becomes a message."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from auzap.contract.channel import Channel
from auzap.contract.normalizer import Normalizer
from auzap.hooks import TenantHooks
from auzap.logs import get_logger
from auzap.model.errors import BadPayload
from auzap.model.message import MAX_TEXT, Message

__all__ = ["normalize"]

log = get_logger("auzap.pipeline")


async def normalize(hooks: TenantHooks, channel: Channel, payload: Any) -> Message:
    """Ask the plugins, then the instance's normalizer, then the channel.

    :raises BadPayload: it is no message.
    :raises HookFailed: a plugin failed.
    """
    message = await hooks.normalize_message(payload, channel.instance)
    if message is None and channel.normalizer is not None:
        message = _by_normalizer(channel.normalizer, payload)
    if message is None:
        message = _by_channel(channel, payload)
    if len(message.text) > MAX_TEXT:
        log.warning(
            "Text cut to the longest that WhatsApp allows",
            organization_id=channel.tenant,
            instance_id=channel.instance,
            message_id=message.message_id,
            characters=len(message.text),
            kept=MAX_TEXT,
        )
        message = replace(message, text=message.text[:MAX_TEXT])
    return message


def _by_normalizer(normalizer: Normalizer, payload: Any) -> Message | None:
    whose = f"normalizer {type(normalizer).__name__}"
    try:
        message = normalizer.normalize(payload)
    except BadPayload:
        raise
    except Exception as error:
        raise BadPayload(f"{whose} cannot read it: {type(error).__name__}: {error}") from error
    if message is None or isinstance(message, Message):
        return message
    raise BadPayload(f"{whose} made a {type(message).__name__} of it, and a Message or None is meant")


def _by_channel(channel: Channel, payload: Any) -> Message:
    try:
        return channel.normalize(payload)
    except BadPayload:
        raise
    except Exception as error:
        # The same payload would fail again: one message must not hold its lane for ever.
        raise BadPayload(f"channel {channel.name} cannot read it: {type(error).__name__}: {error}") from error
