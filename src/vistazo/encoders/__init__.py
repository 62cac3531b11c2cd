"""Encoders: images and texts into one space."""
