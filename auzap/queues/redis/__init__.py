"""The queue in Redis: any number of processes on any number of machines."""

from __future__ import annotations

from auzap.queues.redis.queue import RedisQueue

__all__ = ["RedisQueue"]
