"""Other queues, each in a small program of its own that speaks the same command line."""
