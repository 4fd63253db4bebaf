"""The figures of a configuration that the steps of a turn need."""

from __future__ import annotations

from auzap.config.models import Config
from auzap.pipeline.work import Settings

__all__ = ["settings_of"]


def settings_of(config: Config) -> Settings:
    worker = config.worker
    return Settings(
        attempts=worker.attempts,
        backoff_delay=worker.backoff.delay,
        backoff_exponential=worker.backoff.type == "exponential",
        stale_after=config.stale_after,
        give_up_after=config.give_up_after,
    )
