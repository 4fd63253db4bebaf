"""The loop: leases lanes, works their turns, tells the queue what became of them."""
