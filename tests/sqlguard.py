"""Statements for and against the guard: the corpora in `tests/sql`, one after another."""

from pathlib import Path

_FOLDER = Path(__file__).parent / "sql"


def statements(name: str) -> list[str]:
    """The statements of a file, parted by lines of three hyphens."""
    # Bytes, for line ends and odd characters are part of what is tried.
    text = (_FOLDER / f"{name}.sql").read_bytes().decode()
    return text.removesuffix("\n").split("\n---\n")
