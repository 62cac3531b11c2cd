"""What the application answers when something is wrong: one shape of JSON for all of it."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse, Response
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from vistazo.errors import (
    InvalidQuery,
    InvalidSQL,
    ItemError,
    LibraryBusy,
    LibraryEmpty,
    PhotoNotFound,
    SourceError,
    StorageFull,
    UsageError,
    VistazoError,
)
from vistazo.records import printable
from vistazo.web.refusals import Refusal

_CODES = {404: "not-found", 405: "method-not-allowed"}


def error(
    status: int,
    code: str,
    message: str,
    headers: Mapping[str, str] | None = None,
    position: int | None = None,
) -> JSONResponse:
    """`{"error": {"code": .., "message": ..}}`; the message is one sentence for a person.

    Args:
        position: of what is wrong in a query that cannot be read; left out where it is None.
    """
    cause: dict[str, str | int] = {"code": code, "message": printable(message)}
    if position is not None:
        cause["position"] = position
    body = {"error": cause}
    return JSONResponse(body, status, headers={"Cache-Control": "no-store", **(headers or {})})


def answer(model: BaseModel, status: int = 200) -> Response:
    """A model as JSON, not checked a second time."""
    headers = {"Cache-Control": "no-store"}
    return Response(model.model_dump_json(), status, headers, media_type="application/json")


def elsewhere(path: str, headers: Mapping[str, str]) -> Response:
    """Lead a browser to another address of this server."""
    return RedirectResponse(path, 303, {"Cache-Control": "no-store", **headers})


def answer_errors(app: FastAPI) -> None:
    """Have every error of an application answered in this shape."""

    @app.exception_handler(VistazoError)
    def _ours(request: Request, raised: VistazoError) -> JSONResponse:
        position = raised.position if isinstance(raised, InvalidQuery) else None
        return error(_status(raised), raised.code, str(raised), position=position)

    @app.exception_handler(Refusal)
    def _refused(request: Request, raised: Refusal) -> JSONResponse:
        return error(raised.status, raised.code, str(raised))

    @app.exception_handler(HTTPException)
    def _http(request: Request, raised: HTTPException) -> JSONResponse:
        code = _CODES.get(raised.status_code, "http")
        text = f"{request.method} {request.url.path}: {raised.detail}"
        return error(raised.status_code, code, text, raised.headers)

    @app.exception_handler(RequestValidationError)
    def _invalid(request: Request, raised: RequestValidationError) -> JSONResponse:
        first = raised.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        return error(400, "usage", f"{place}: {first['msg']}")

    @app.exception_handler(Exception)
    def _bug(request: Request, raised: Exception) -> JSONResponse:
        text = f"this is a bug in vistazo, please report it: {type(raised).__name__}"
        return error(500, "bug", text)


def _status(raised: VistazoError) -> int:
    match raised:
        case PhotoNotFound():
            return 404
        case UsageError() | InvalidSQL() | SourceError():
            return 400
        case ItemError():
            return 422
        case LibraryEmpty():
            return 409
        case LibraryBusy():
            return 503
        case StorageFull():
            return 507
        case _:
            return 500
