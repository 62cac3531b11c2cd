"""How a set is to be asked; checked before anything is read, by whoever is asked first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from vistazo.errors import UsageError
from vistazo.records import printable
from vistazo.search.limits import check_k

Among = Literal["set", "library"]


@dataclass(frozen=True, slots=True)
class EvaluationPlan:
    """How to evaluate.

    Attributes:
        among: look only among the set's pictures, as papers do, or among all photos.
        search: as the library searches, instead of comparing every vector exactly.
        depth: with `search`, how many places are looked at.
    """

    among: Among = "set"
    search: bool = False
    depth: int = 100


def plan_of(among: str, *, search: bool, depth: int) -> EvaluationPlan:
    """A plan of what was asked for.

    Raises:
        InvalidQuery: the depth is not one of 1 to 100,000.
        UsageError: `among` is neither; or the library's own way, which looks among all its photos,
            is to look among those of the set.
    """
    check_k(depth)
    if among not in ("set", "library"):
        raise UsageError(f"among must be set or library, not '{printable(among)}'")
    if search and among != "library":
        raise UsageError(
            "the library's own way to search looks among all its photos: add --among library"
        )
    return EvaluationPlan("library" if among == "library" else "set", search, depth)
