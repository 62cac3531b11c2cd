"""The interface does as its own description says: schemathesis, over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

import vistazo
from rest import OWNED, OWNER, library_at
from web_application import served_web

# What the description cannot say, a filter's grammar or SQL, is refused although it fits; so
# refusals of what fits are no fault.
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
# These would work through folders of this machine.
UNTRUSTED = tuple(
    f"/api/v1/{route}"
    for route in ("jobs", "conversions", "failures/retry", "library", "evaluations")
)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[vistazo.Library]:
    with library_at(tmp_path_factory.mktemp("schema")) as opened:
        yield opened


def tried(operation: Any, mode: GenerationMode, examples: int) -> int:
    """How many requests of one operation were answered as it says."""
    trusted = not operation.path.startswith(UNTRUSTED)
    headers = {"Authorization": f"Bearer {OWNER}"} if trusted else {}
    count = 0

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.as_strategy(generation_mode=mode))
    def conforms(case: schemathesis.Case) -> None:
        nonlocal count
        # The HTTP server itself refuses an address of more than 64 KB, before the application.
        assume(len(repr(case.query)) < 5000)
        count += 1
        case.call_and_validate(headers=headers, checks=CHECKS, timeout=60)

    conforms()
    return count


@pytest.mark.parametrize("examples", [5, pytest.param(25, marks=pytest.mark.slow)])
def test_every_answer_is_as_described(library: vistazo.Library, examples: int) -> None:
    wrong, counts = [], dict.fromkeys(GenerationMode, 0)
    with served_web(library, OWNED) as url:
        description = schemathesis.openapi.from_url(f"{url}/api/v1/openapi.json")
        for mode in GenerationMode:
            for found in description.get_all_operations():
                try:
                    counts[mode] += tried(found.ok(), mode, examples)
                except Unsatisfiable:  # nothing that does not fit can be sent to it
                    assert mode is GenerationMode.NEGATIVE
                except (FailureGroup, Failure) as failed:
                    wrong.append(str(failed))
    assert wrong == []
    assert min(counts.values()) > 8 * examples
