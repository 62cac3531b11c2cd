"""A built dataset on the Hugging Face Hub, through the Hub's own client.

    look at the repository -> make it -> upload large files -> commit -> compare checksums

Only files whose checksum the Hub has not under their name are sent, and of these only what its
store has not, so that the same call continues whatever was stopped.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from vistazo.datasets.build import CARD, CONVERSIONS, FILES, PHOTOS
from vistazo.datasets.card import named
from vistazo.datasets.hub import Hub, hub
from vistazo.datasets.rows import CONVERSIONS_SCHEMA, PHOTOS_SCHEMA
from vistazo.errors import DatasetError, HubError
from vistazo.records import printable

if TYPE_CHECKING:
    from huggingface_hub import RepoFile

_TYPE = "dataset"
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class PublishReport:
    """What publishing did.

    Attributes:
        name: `owner/name` on the Hub.
        url: where people look at it.
        commit: that holds the files.
        sent: names of the files that the Hub did not have.
        private: whether only its owner can read it.
    """

    name: str
    url: str
    commit: str
    sent: tuple[str, ...]
    private: bool


def publish(
    folder: str | os.PathLike[str],
    name: str,
    *,
    public: bool = False,
    token: str | None = None,
    endpoint: str | None = None,
    on_wait: Callable[[str], None] | None = None,
) -> PublishReport:
    """Put the files of `build` on the Hub.

    Args:
        folder: with photos.parquet, conversions.parquet and README.md.
        name: `owner/name`; made if it is not there.
        public: let everybody read it. A public dataset is only written to when this says so.
        token: that may write; None takes HF_TOKEN or the Hub's login.
        endpoint: of another Hub; None takes HF_ENDPOINT.
        on_wait: told why and how long a call waits before it is tried again.
    Raises:
        Unsupported: the Hub's client is not installed.
        UsageError: the name cannot be.
        DatasetError: the folder holds no whole dataset, or one that must not be public.
        HubError: the Hub refuses, fails or cannot be reached; what was sent is kept.
    """
    files = _contents(Path(folder), name)
    if public:
        _refuse_local_addresses(Path(folder))
    with hub(name, token=token, endpoint=endpoint, on_wait=on_wait) as there:
        return _publish(there, files, public=public)


def _publish(hub: Hub, files: Mapping[str, str | bytes], *, public: bool) -> PublishReport:
    api, name = hub.api, hub.name
    info = hub.ask_or_none(lambda: api.repo_info(name, repo_type=_TYPE))
    if info is None:
        hub.ask(lambda: api.create_repo(name, repo_type=_TYPE, private=not public, exist_ok=True))
    elif not info.private and not public:
        raise HubError(f"{name} exists and is public: give --public, or another name")
    present = _present(hub)
    missing = {file: files[file] for file in FILES if not _same(files[file], present.get(file))}
    commit = _send(hub, missing) if missing else str(info.sha if info else "")
    if public and info is not None and info.private:
        hub.ask(lambda: api.update_repo_settings(name, private=False, repo_type=_TYPE))
    return PublishReport(
        name=name,
        url=f"{api.endpoint}/datasets/{name}",
        commit=commit,
        sent=tuple(missing),
        private=not public,
    )


def _send(hub: Hub, files: Mapping[str, str | bytes]) -> str:
    """Upload and commit files; the commit's id."""
    additions = [hub.addition(file, content) for file, content in files.items()]
    # The client itself tries uploads again; the commit is ours to repeat, with what the Hub says
    # of each file asked anew: it may have happened although the answer was lost.
    hub.ask(
        lambda: hub.api.preupload_lfs_files(hub.name, additions=additions, repo_type=_TYPE),
        attempts=1,
    )

    def commit() -> Any:
        nonlocal additions
        operations, additions = additions, []
        operations = operations or [hub.addition(file, text) for file, text in files.items()]
        return hub.api.create_commit(
            hub.name, operations, commit_message="Publish with vistazo", repo_type=_TYPE
        )

    done = hub.ask(commit)
    present = _present(hub)
    for file, content in files.items():
        if not _same(content, present.get(file)):
            raise HubError(
                f"{file} on the Hub has another checksum than the file that was sent: run the same"
                " command again"
            )
    return str(done.oid)


def _present(hub: Hub) -> dict[str, RepoFile]:
    found = hub.ask(lambda: hub.api.get_paths_info(hub.name, list(FILES), repo_type=_TYPE))
    return {each.path: each for each in found}


def _same(content: str | bytes, remote: RepoFile | None) -> bool:
    if remote is None:
        return False
    if remote.lfs is not None:
        return _digest(hashlib.sha256(), content) == remote.lfs.sha256
    size = len(content) if isinstance(content, bytes) else Path(content).stat().st_size
    return _digest(hashlib.sha1(b"blob %d\0" % size), content) == remote.blob_id


def _digest(digest: Any, content: str | bytes) -> str:
    if isinstance(content, bytes):
        digest.update(content)
    else:
        with Path(content).open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                digest.update(chunk)
    return str(digest.hexdigest())


def _contents(folder: Path, name: str) -> dict[str, str | bytes]:
    """The card's text with the dataset's name in it, and the paths of the other files."""
    for file, schema in ((PHOTOS, PHOTOS_SCHEMA), (CONVERSIONS, CONVERSIONS_SCHEMA)):
        try:
            found = pq.read_schema(folder / file)
        except (OSError, pa.ArrowInvalid) as error:
            raise _no_dataset(folder, f"{file} is missing or damaged") from error
        if not found.equals(schema):
            raise _no_dataset(folder, f"{file} has other columns")
    try:
        text = (folder / CARD).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise _no_dataset(folder, f"{CARD} is missing or damaged") from error
    paths: dict[str, str | bytes] = {file: str(folder / file) for file in (PHOTOS, CONVERSIONS)}
    return {CARD: named(text, name).encode(), **paths}


def _refuse_local_addresses(folder: Path) -> None:
    """Addresses of files tell the folders' names of a machine, and nobody else can open them."""
    for batch in pq.ParquetFile(folder / PHOTOS).iter_batches(columns=["photo_image_url"]):
        if any(url.startswith("file:") for url in batch.column(0).to_pylist() if url):
            raise DatasetError(
                f"{PHOTOS} has addresses of files on this machine, which nobody else can open and"
                " which show the names of your folders: build it again with --image-base-url, or"
                " publish without --public"
            )


def _no_dataset(folder: Path, reason: str) -> DatasetError:
    return DatasetError(
        f"there is no whole dataset in {printable(str(folder))}: {reason}."
        " Run: vistazo dataset build SOURCE --out DIR"
    )
