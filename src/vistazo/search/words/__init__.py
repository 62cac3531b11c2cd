"""The words that photos have: an index of them in memory, for queries by text."""
