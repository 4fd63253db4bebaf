"""What a normalizer promises: it reads payloads that come through a channel in a form that is not the channel's own.

A distribution offers it in the entry-point group ``auzap.backends`` as ``normalizer.<name>``; an instance names it:
``normalizer: <name>``, or with options ``normalizer: {use: <name>, …}``.
"""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from auzap.model.message import Message

__all__ = ["Normalizer", "NormalizerOptions"]


class NormalizerOptions(BaseModel):
    """What the mapping under an instance's ``normalizer`` may say; each normalizer adds its own keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    use: str = Field(description="The normalizer's name.")


class Normalizer:
    """Of one instance. It is asked about each payload before the channel, after the plugins."""

    Options: ClassVar[type[NormalizerOptions]] = NormalizerOptions

    def __init__(self, options: Any) -> None:
        """:param options: an instance of its own ``Options``."""
        self.options = options

    def normalize(self, payload: Any) -> Message | None:
        """Read it; None leaves it to the channel.

        Pure: it asks nobody, and the same payload gives the same message.

        :raises BadPayload: it is no message: a dead letter. So is whatever else is raised, as it would be again.
        """
        raise NotImplementedError
