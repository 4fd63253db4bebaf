"""Frozen values and pure functions; knows nothing of queues, stores or providers."""
