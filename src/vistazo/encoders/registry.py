"""Encoders by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vistazo.errors import UnknownEncoder
from vistazo.records import printable

if TYPE_CHECKING:
    from vistazo.encoders.base import Encoder

AUTO = "auto"
NAMES = ("offline",)


def resolve(name: str) -> tuple[str, str]:
    """The encoder a name stands for, and why `auto` chose it (empty for any other name).

    Raises:
        UnknownEncoder: there is none of this name.
    """
    if name == AUTO:
        return "offline", "it ships with vistazo and is the only one this version has"
    if name not in NAMES:
        known = ", ".join((AUTO, *NAMES))
        raise UnknownEncoder(f"there is no encoder '{printable(name)}'; known are {known}")
    return name, ""


def create(name: str) -> Encoder:
    """An encoder by its own name; it loads its weights at first use.

    Raises:
        UnknownEncoder: there is none of this name.
        WeightsError: its files are missing or damaged.
    """
    resolve(name)
    from vistazo.encoders.offline import OfflineEncoder

    return OfflineEncoder()
