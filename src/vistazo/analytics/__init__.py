"""Conversions, the log of what was downloaded after which search, and the questions it answers."""
