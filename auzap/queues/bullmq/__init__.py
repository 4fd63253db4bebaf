"""A queue that a Node producer fills with BullMQ: what it adds is taken over into auzap's own queue."""

from __future__ import annotations

from auzap.queues.bullmq.queue import BullmqQueue

__all__ = ["BullmqQueue"]
