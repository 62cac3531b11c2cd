"""One request of the interface: reading it, answering it."""
