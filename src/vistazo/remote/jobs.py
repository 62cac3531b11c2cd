"""Work that a server does while we watch: its progress, its end, and Ctrl-C."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from vistazo.errors import ServerError, VistazoError
from vistazo.remote.failures import error_named

if TYPE_CHECKING:
    from vistazo.remote.transport import Transport


def run(
    transport: Transport,
    path: str,
    body: Mapping[str, Any],
    on_progress: Callable[[Mapping[str, Any]], None] | None,
) -> dict[str, Any]:
    """Start a job and follow it to its end; its report.

    Whatever ends this call before the job's end, Ctrl-C or an error of `on_progress`, cancels the
    job and waits until it has ended: what it had done is kept.

    Raises:
        VistazoError: what the job failed with.
        ServerError: somebody else cancelled it, or the server went away.
    """
    job_id = transport.post(path, body, again=False)["job_id"]
    try:
        end = _follow(transport, job_id, on_progress)
    except ServerError:
        raise
    except BaseException:
        _cancel(transport, job_id)
        raise
    if end["state"] == "failed":
        raise error_named(end["error"]["code"], end["error"]["message"])
    if end["state"] != "done":
        raise ServerError(
            f"the job was cancelled at the server {transport.address.url}; what it had done is kept"
        )
    report: dict[str, Any] = end["report"]
    return report


def _follow(
    transport: Transport,
    job_id: str,
    on_progress: Callable[[Mapping[str, Any]], None] | None,
) -> dict[str, Any]:
    with contextlib.closing(transport.events(f"/jobs/{job_id}/events")) as events:
        for name, job in events:
            if name != "progress":
                end: dict[str, Any] = job
                return end
            if on_progress is not None and job["state"] == "running":
                on_progress(job["progress"])
    raise ServerError(
        f"the server {transport.address.url} has stopped; what was done is kept, and the same"
        " command continues"
    )


def _cancel(transport: Transport, job_id: str) -> None:
    # Whatever happens here, the caller's own reason to stop is what is told.
    with contextlib.suppress(VistazoError, KeyboardInterrupt):
        transport.delete(f"/jobs/{job_id}")
        _follow(transport, job_id, None)
