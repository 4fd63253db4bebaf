"""Option types for plugins and channels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from auzap.model.durations import parse_duration

__all__ = ["Breaker", "Duration", "Options"]

#: seconds; in the YAML ``250ms``, ``30s``, ``5m``, ``1h30m``, ``7d``
Duration = Annotated[float, BeforeValidator(parse_duration)]


class Breaker(BaseModel):
    """When a plugin that keeps failing is left alone for a while, so that nobody waits for it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    failures: int = Field(default=5, ge=1, description="Failures in a row after which it is left alone.")
    pause: Duration = Field(default=30.0, gt=0, description="For how long; then one call tries again.")


class Options(BaseModel):
    """What a plugin's mapping in the YAML may say. Subclass it as ``Options`` inside the plugin.

    ``timeout``, ``timeouts``, ``breaker``, ``roles`` and ``use`` are the framework's; a subclass may give them other
    defaults.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    timeout: Duration | None = Field(
        default=None, description="How long each call of the plugin may take; null: `worker.timeout`."
    )
    timeouts: Mapping[str, Duration] = Field(
        default={}, description="How long calls of single hooks may take, such as {handle_message: 20s}."
    )
    breaker: Breaker | None = Field(
        default=Breaker(), description="When a plugin that keeps failing is left alone for a while; null: never."
    )
    roles: tuple[str, ...] | None = Field(
        default=None,
        description="Whose messages the plugin is asked to answer, such as owner, client; null: everybody's.",
    )
    use: str | None = Field(default=None, description="The plugin's name, where the key is a name of the tenant's own.")
