"""MyScale's types of vector index: their parameters and ranges, and what stands for them here."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from vistazo.errors import InvalidSQL

METRICS = {"COSINE": "Cosine", "L2": "L2", "IP": "IP"}
ENGINE_METRIC = {"Cosine": "cosineDistance", "L2": "L2Distance", "IP": "dotProduct"}

_BAD_ARGUMENTS, _NOT_IMPLEMENTED = 36, 48
_SQ = ("4bit", "6bit", "8bit", "8bit_uniform", "8bit_direct", "4bit_uniform", "QT_fp16")

# Parameter -> smallest and largest whole number, or the words it may be.
Domain = tuple[int, int] | tuple[str, ...]
_ALPHA: dict[str, Domain] = {"alpha": (1, 4)}
_IVF: dict[str, Domain] = {"ncentroids": (1, 1_048_576), "nprobe": (1, 1_048_576)}
_HNSW: dict[str, Domain] = {"m": (8, 128), "ef_c": (16, 1024), "ef_s": (16, 1024)}
TYPES: dict[str, dict[str, Domain]] = {
    "MSTG": _ALPHA,
    "SCANN": _ALPHA,
    "DEFAULT": _ALPHA,
    "FLAT": {},
    "IVFFLAT": _IVF,
    "IVFPQ": {**_IVF, "M": (1, 1_048_576), "bit_size": (2, 12)},
    "IVFSQ": {**_IVF, "bit_size": _SQ},
    "HNSWFLAT": _HNSW,
    "HNSWSQ": {**_HNSW, "bit_size": _SQ},
    "HNSWPQ": {**_HNSW, "M": (1, 1_048_576), "bit_size": (2, 12)},
}
_SEARCH: dict[str, Domain] = {
    "alpha": (1, 4),
    "nprobe": (1, 1_048_576),
    "ef_s": (16, 1024),
    "ef": (16, 1024),
}


@dataclass(frozen=True, slots=True)
class VectorType:
    """A type of vector index with its checked parameters."""

    name: str
    metric: str
    parameters: dict[str, str]

    @property
    def exact(self) -> bool:
        """Whether it is no index at all: every row is read."""
        return self.name.upper() == "FLAT"

    def engine_type(self, dim: int) -> str:
        """The engine's type that stands for it."""
        metric = ENGINE_METRIC[self.metric]
        m, ef_c = self.parameters.get("m"), self.parameters.get("ef_c")
        # Vectors are kept as the engine keeps them by default, in 16 bits, whatever IVF or PQ would
        # have made of them: right answers need few bits less. 0 is the engine's default.
        tail = f", 'bf16', {m or 0}, {ef_c or 0}" if m or ef_c else ""
        return f"vector_similarity('hnsw', '{metric}', {dim}{tail})"


def vector_type(name: str, arguments: Sequence[str], dim: int) -> VectorType:
    """Check a type and its `param=value` texts.

    Raises:
        InvalidSQL: an unknown type, parameter or metric, or a value out of range (code 36); a
            binary type (48).
    """
    upper = name.upper()
    if upper.startswith("BINARY"):
        raise InvalidSQL(
            f"vector index type {name} cannot be expressed: binary vectors have no index here",
            engine_code=_NOT_IMPLEMENTED,
        )
    if upper not in TYPES:
        raise InvalidSQL(
            f"Unknown index type for Float32 Vector: {name}; the types are {', '.join(TYPES)}",
            engine_code=_BAD_ARGUMENTS,
        )
    values = _values(upper, arguments)
    metric = METRICS.get(values.pop("metric_type", "L2").upper())
    if metric is None:
        raise InvalidSQL(
            f"{upper} parameter `metric_type` should be one of [Cosine, IP, L2]",
            engine_code=_BAD_ARGUMENTS,
        )
    domains = TYPES[upper]
    for key, value in values.items():
        if key not in domains:
            valid = ",".join(sorted([*domains, "metric_type"], key=lambda word: word.lower()))
            raise InvalidSQL(
                f"{upper} doesn't support index parameter: `{key}`, valid parameters is [{valid}].",
                engine_code=_BAD_ARGUMENTS,
            )
        _check(upper, key, value, domains[key])
    if "M" in domains and dim % int(values.get("M", "16" if dim % 16 == 0 else "1")):
        raise InvalidSQL(
            f"{upper} needs `dim`%`M`==0, `dim`!=0, `M`!=0.", engine_code=_BAD_ARGUMENTS
        )
    return VectorType(name, metric, values)


def search_breadth(arguments: Sequence[str]) -> int | None:
    """How many candidates an index search keeps, by the parameters of `distance('..')(..)`.

    MyScale's default alpha of 3 is the engine's own default of 256, and each step doubles it.
    Lists (`nprobe`) have no counterpart.

    Raises:
        InvalidSQL: an unknown parameter, or a value out of range.
    """
    breadths: list[int] = []
    for key, value in _values("distance", arguments).items():
        if key not in _SEARCH:
            raise InvalidSQL(
                f"distance doesn't support search parameter: `{key}`, valid parameters is"
                f" [{','.join(sorted(_SEARCH))}].",
                engine_code=_BAD_ARGUMENTS,
            )
        if key == "alpha":
            number = _decimal(value)
            if number is None or not 1 <= number <= 4:
                raise _out_of_range("distance", key, 1, 4)
            breadths.append(round(32 * 2**number))
        else:
            _check("distance", key, value, _SEARCH[key])
            if key in ("ef", "ef_s"):
                breadths.append(int(value))
    return max(breadths, default=None)


def _values(owner: str, arguments: Sequence[str]) -> dict[str, str]:
    values: dict[str, str] = {}
    for argument in arguments:
        key, equals, value = (part.strip() for part in argument.partition("="))
        if not (key and equals and value) or key in values:
            raise InvalidSQL(
                f"{owner} takes parameters as 'name=value', each once, not '{argument}'",
                engine_code=_BAD_ARGUMENTS,
            )
        values[key] = value
    return values


def _check(owner: str, key: str, value: str, domain: Domain) -> None:
    if isinstance(domain[0], str):
        if value not in domain:
            words = ", ".join(str(word) for word in domain)
            raise InvalidSQL(
                f"{owner} parameter `{key}` should be one of [{words}].",
                engine_code=_BAD_ARGUMENTS,
            )
        return
    if key == "alpha":
        number = _decimal(value)
    else:
        number = int(value) if re.fullmatch(r"[0-9]{1,9}", value) else None
        if number is None:
            raise InvalidSQL(
                f"{owner} expects an integer value for parameter: `{key}`, but got `{value}`.",
                engine_code=_BAD_ARGUMENTS,
            )
    low, high = int(domain[0]), int(domain[1])
    if number is None or not low <= number <= high:
        if key == "M":
            raise InvalidSQL(
                f"{owner} needs `dim`%`M`==0, `dim`!=0, `M`!=0.", engine_code=_BAD_ARGUMENTS
            )
        raise _out_of_range(owner, key, low, high)


def _decimal(value: str) -> float | None:
    return float(value) if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", value) else None


def _out_of_range(owner: str, key: str, low: int, high: int) -> InvalidSQL:
    return InvalidSQL(
        f"{owner} parameter `{key}` range needs to be {low}~{high}.", engine_code=_BAD_ARGUMENTS
    )
