"""Option types for plugins and channels."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict

from auzap.model.durations import parse_duration

__all__ = ["Duration", "Options"]

#: seconds; in the YAML ``250ms``, ``30s``, ``5m``, ``1h30m``, ``7d``
Duration = Annotated[float, BeforeValidator(parse_duration)]


class Options(BaseModel):
    """What a plugin's mapping in the YAML may say. Subclass it as ``Options`` inside the plugin.

    ``timeout``, ``roles`` and ``use`` are the framework's; a subclass may give them other defaults.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    #: the deadline of each of the plugin's hooks; None: ``worker.timeout``
    timeout: Duration | None = None
    #: whom ``handle_message`` is asked for; None: everybody
    roles: tuple[str, ...] | None = None
    #: the plugin's name when the YAML's key is a name of the tenant's own
    use: str | None = None
