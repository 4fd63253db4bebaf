"""Option types for plugins and channels."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from auzap.model.durations import parse_duration

__all__ = ["Duration", "Options"]

#: seconds; in the YAML ``250ms``, ``30s``, ``5m``, ``1h30m``, ``7d``
Duration = Annotated[float, BeforeValidator(parse_duration)]


class Options(BaseModel):
    """What a plugin's mapping in the YAML may say. Subclass it as ``Options`` inside the plugin.

    ``timeout``, ``roles`` and ``use`` are the framework's; a subclass may give them other defaults.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    timeout: Duration | None = Field(
        default=None, description="How long each call of the plugin may take; null: `worker.timeout`."
    )
    roles: tuple[str, ...] | None = Field(
        default=None,
        description="Whose messages the plugin is asked to answer, such as owner, client; null: everybody's.",
    )
    use: str | None = Field(default=None, description="The plugin's name, where the key is a name of the tenant's own.")
