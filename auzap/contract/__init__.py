"""What others implement: hooks, plugins, channels, queues. Types and markers only."""
