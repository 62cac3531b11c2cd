"""What an evaluation found, as one JSON a run, and two of them side by side."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vistazo.errors import SourceError, UsageError
from vistazo.records import printable

FORMAT = 1
# A set, and the way it was asked, that must be equal for two runs to be compared.
_SAME = ("kind", "split", "digest", "among", "photos", "texts", "depth")


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One run over one set.

    Attributes:
        kind, name, split, digest: of the set, see `Labels`.
        texts: that were searched for.
        photos: that each of them was looked for in.
        missing: pictures of the set that the library lacks, and that were left out.
        among: `set`, only the set's own pictures, or `library`, all photos.
        depth: how many places were looked at; None is all.
        path: what answered: `exact`, every vector compared, or how the library searches.
        model: name, dim and checksum of the encoder.
        precision: of the vectors that gave the scores.
        measures: by direction (`image_retrieval`, a text finds pictures; `text_retrieval`, a
            picture finds texts) and name: value, low and high.
    """

    kind: str
    name: str
    split: str
    digest: str
    texts: int
    photos: int
    missing: int
    among: str
    depth: int | None
    path: str
    model: Mapping[str, Any]
    precision: str
    measures: Mapping[str, Mapping[str, Mapping[str, float]]]
    interval: str
    version: str
    format: int = FORMAT

    def to_dict(self) -> dict[str, Any]:
        """Plain types, ready for JSON."""
        return dataclasses.asdict(self)


@dataclass(frozen=True, slots=True)
class Change:
    """One measure, before and now.

    Attributes:
        worse: whether it fell by more than is tolerated.
    """

    direction: str
    measure: str
    before: float
    now: float
    worse: bool


def read_evaluation(path: Path) -> Evaluation:
    """An evaluation that was kept.

    Raises:
        SourceError: the file cannot be read, or holds none of this version's.
    """
    shown = printable(str(path))
    try:
        fields = json.loads(path.read_bytes())
        if fields.get("format") == FORMAT:
            return Evaluation(**fields)
    except OSError as error:
        raise SourceError(f"{shown} cannot be read ({error.strerror})") from error
    except (ValueError, TypeError, AttributeError):
        pass
    raise SourceError(f"{shown} is no evaluation that `vistazo eval --json` of this version wrote")


def compare(before: Evaluation, now: Evaluation, tolerance: float) -> list[Change]:
    """Every measure that both have.

    Args:
        tolerance: by so much a measure may fall, such as 0.01.
    Raises:
        UsageError: the two were not asked the same.
    """
    for name in _SAME:
        old, new = getattr(before, name), getattr(now, name)
        if old != new:
            raise UsageError(
                f"the two evaluations cannot be compared: {name} was {old} and is {new}; evaluate"
                " the same set in the same way"
            )
    return [
        Change(direction, name, old["value"], new["value"], old["value"] - new["value"] > tolerance)
        for direction, measures in now.measures.items()
        for name, new in measures.items()
        if (old := before.measures.get(direction, {}).get(name)) is not None
    ]
