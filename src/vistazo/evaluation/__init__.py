"""How well searches find what they should, on pairs whose answer is known."""
