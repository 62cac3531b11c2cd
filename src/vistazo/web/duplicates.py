"""`/duplicates`: photos that are there more than once, found by a job."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Response
from pydantic import Field

from vistazo.store.filters import compile_filter
from vistazo.web import schemas
from vistazo.web.indexing import Accepted, accepted
from vistazo.web.jobs import Jobs, Tell, plain
from vistazo.web.queries import MAX_TEXT
from vistazo.web.session import Writer

if TYPE_CHECKING:
    from vistazo.library import Library

_MOST_GROUPS = 20_000  # that a report keeps


class DuplicatesIn(schemas.Model):
    """`exact` looks only for files of the same bytes; `where` only among these photos."""

    exact: bool = False
    where: str = Field(default="", max_length=MAX_TEXT)


def router(library: Library, jobs: Jobs) -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["duplicates"])

    @routes.post("/duplicates", status_code=202, response_model=Accepted)
    def duplicates(asked: DuplicatesIn, _: Writer) -> Response:
        """Look for photos that are the same; the job's report has them in `groups`."""
        compile_filter(asked.where)

        def work(tell: Tell) -> Mapping[str, Any]:
            def on_progress(done: int, total: int) -> None:
                tell({"done": done, "total": total})

            tell({"done": 0})
            groups = library.duplicates(
                exact=asked.exact, where=asked.where, on_progress=on_progress
            )
            shown = [plain(group) for group in groups[:_MOST_GROUPS]]
            return {"groups": shown, "left_out": len(groups) - len(shown)}

        return accepted(jobs.add("duplicates", asked.where or "all", work))

    return routes
