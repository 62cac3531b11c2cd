"""Model files on the Hub and in its cache, by the Hub's own client.

The client honours HF_HOME, HF_ENDPOINT, HF_TOKEN and HF_HUB_OFFLINE, continues a download that was
cut short, and draws its bars on a terminal.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vistazo.encoders import digests
from vistazo.errors import HubError, WeightsCorrupt
from vistazo.records import printable

_ANSWER_S = 2.0
_AGAIN = "run the same command again, what was loaded is kept"


class Unreachable(HubError):
    """The Hub does not answer, or may not be asked."""


@dataclass(frozen=True, slots=True)
class Listing:
    """The files of a repository's newest state, with their sizes in bytes (0: unknown)."""

    commit: str
    sizes: dict[str, int]


def cached_folder(repository: str) -> Path | None:
    """The folder in the cache with the newest state that was asked for; None without one."""
    place = Path(_cache()) / f"models--{repository.replace('/', '--')}"
    try:
        commit = (place / "refs" / "main").read_text("utf-8").strip()
    except OSError:
        return None
    folder = place / "snapshots" / commit
    return folder if folder.is_dir() else None


def answers(repository: str) -> bool:
    """Whether the Hub can be asked for a repository, within two seconds."""
    if is_offline():
        return False
    import httpx

    try:
        found = httpx.head(f"{endpoint()}/{repository}/resolve/main/config.json", timeout=_ANSWER_S)
    except (httpx.HTTPError, httpx.InvalidURL, OSError):
        return False
    return found.status_code < 400


def is_offline() -> bool:
    """Whether HF_HUB_OFFLINE says not to ask."""
    value = os.environ.get("HF_HUB_OFFLINE") or os.environ.get("TRANSFORMERS_OFFLINE") or ""
    return value.upper() in ("1", "ON", "YES", "TRUE")


def endpoint() -> str:
    """The address of the Hub."""
    return (os.environ.get("HF_ENDPOINT") or "https://huggingface.co").rstrip("/")


def listing(repository: str) -> Listing:
    """What a repository holds.

    Raises:
        Unreachable: the Hub cannot be asked.
        HubError: it refuses, or has no such repository.
    """
    if is_offline():
        raise Unreachable("the Hub may not be asked: HF_HUB_OFFLINE is set")
    import huggingface_hub

    with _mapped(repository):
        api = huggingface_hub.HfApi(endpoint=endpoint(), library_name="vistazo")
        info = api.model_info(repository, files_metadata=True, timeout=30)
        files = {each.rfilename: each.size or 0 for each in info.siblings or ()}
        return Listing(str(info.sha), files)


def load(
    repository: str,
    found: Listing,
    files: Sequence[str],
    on_file: Callable[[str, int], None] | None = None,
) -> Path:
    """Bring files into the cache and check them; the folder that holds them.

    Args:
        on_file: called with each file's name and size before it is loaded.
    Raises:
        Unreachable, HubError: they cannot be had.
        WeightsCorrupt: what came is not what the Hub says it is; it was removed again.
    """
    import huggingface_hub

    folder = Path()
    for file in files:
        if on_file is not None:
            on_file(file, found.sizes.get(file, 0))
        with _mapped(repository):
            path = Path(
                huggingface_hub.hf_hub_download(
                    repository,
                    file,
                    revision=found.commit,
                    endpoint=endpoint(),
                    cache_dir=_cache(),
                    library_name="vistazo",
                )
            )
        try:
            digests.verified(path)
        except WeightsCorrupt as error:
            path.resolve().unlink(missing_ok=True)
            raise WeightsCorrupt(
                f"the Hub sent other bytes for {file} of {repository} than their checksum says;"
                f" they were removed: {_AGAIN}"
            ) from error
        folder = path.parents[file.count("/")]
    _remember_main(repository, found.commit)
    return folder


def _remember_main(repository: str, commit: str) -> None:
    """As the client does for a branch: what is asked for without a network is this state."""
    refs = Path(_cache()) / f"models--{repository.replace('/', '--')}" / "refs"
    refs.mkdir(parents=True, exist_ok=True)
    (refs / "main").write_text(commit, "utf-8")


def _cache() -> str:
    # The client reads these when it is imported: a notebook may set them after that.
    if place := os.environ.get("HF_HUB_CACHE"):
        return place
    if home := os.environ.get("HF_HOME"):
        return str(Path(home).expanduser() / "hub")
    import huggingface_hub.constants

    return str(huggingface_hub.constants.HF_HUB_CACHE)


@contextmanager
def _mapped(repository: str) -> Iterator[None]:
    from huggingface_hub import errors, get_token

    shown = printable(repository)
    try:
        yield
    except errors.GatedRepoError as error:
        raise HubError(
            f"the model {shown} wants its terms accepted first, at {endpoint()}/{shown}, and then a"
            " token in HF_TOKEN"
        ) from error
    except errors.RepositoryNotFoundError as error:
        remedy = (
            "check the name, and that your token may read it"
            if get_token()
            else "check the name, or set HF_TOKEN if it is private"
        )
        raise HubError(f"there is no model {shown} on the Hub; {remedy}") from error
    except errors.EntryNotFoundError as error:
        raise HubError(f"a file of {shown} is not on the Hub: {_reason(error)}") from error
    except errors.OfflineModeIsEnabled as error:
        raise Unreachable("the Hub may not be asked: HF_HUB_OFFLINE is set") from error
    except errors.HfHubHTTPError as error:
        status: Any = getattr(error.response, "status_code", 0)
        if status == 401:
            raise HubError(
                "the Hub does not accept the token: set HF_TOKEN anew, or unset it"
            ) from error
        raise Unreachable(f"the Hub fails ({status}): later {_AGAIN}") from error
    except OSError as error:
        raise Unreachable(_failed(error)) from error
    except Exception as error:
        # The client's network errors come from `httpx`, `httpx2` or `requests`, by its version.
        network = {"httpx", "httpx2", "httpcore", "httpcore2", "requests", "urllib3"}
        if type(error).__module__.partition(".")[0] not in network:
            raise
        raise Unreachable(_failed(error)) from error


def _failed(error: Exception) -> str:
    return f"the Hub at {endpoint()} cannot be had ({_reason(error)}): {_AGAIN}"


def _reason(error: Exception) -> str:
    return printable(
        str(error).strip().splitlines()[0][:120] if str(error).strip() else repr(error)
    )
