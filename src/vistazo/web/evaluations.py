"""`/evaluations`: how well a labelled set's texts find their pictures, measured by a job."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from fastapi import APIRouter, Response
from pydantic import Field

from vistazo.evaluation.labels import TEMPLATE, kind_of
from vistazo.evaluation.plan import plan_of
from vistazo.search.limits import MAX_K
from vistazo.web import schemas
from vistazo.web.indexing import Accepted, accepted
from vistazo.web.jobs import Jobs, Tell, plain
from vistazo.web.queries import MAX_TEXT
from vistazo.web.session import Writer

if TYPE_CHECKING:
    from vistazo.library import Library


class EvaluationIn(schemas.Model):
    """A labelled set by its path on the server's machine, and how it is asked.

    A set is a captions table, a JSON file of Karpathy's splits, or a folder of classes. `search`
    asks as the library searches, for the first `depth` photos, and goes with `among` library only.
    """

    labels: str = Field(min_length=1, max_length=4096)
    split: str = Field(default="test", max_length=200)
    column: str | None = Field(default=None, max_length=200)
    template: str = Field(default=TEMPLATE, max_length=MAX_TEXT)
    among: Literal["set", "library"] = "set"
    search: bool = False
    depth: int = Field(default=100, ge=1, le=MAX_K)


def router(library: Library, jobs: Jobs) -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["evaluations"])

    @routes.post("/evaluations", status_code=202, response_model=Accepted)
    def evaluations(asked: EvaluationIn, _: Writer) -> Response:
        """Measure how well texts find their pictures; the job's report is that of `vistazo eval`."""
        plan_of(asked.among, search=asked.search, depth=asked.depth)
        kind_of(Path(asked.labels))

        def work(tell: Tell) -> Mapping[str, Any]:
            def on_progress(done: int, total: int) -> None:
                tell({"done": done, "total": total})

            tell({"done": 0})
            return plain(library.evaluate(**asked.model_dump(), on_progress=on_progress))

        return accepted(jobs.add("evaluation", asked.labels, work))

    return routes
