"""Data sets of the Hugging Face Hub: their photos in Parquet, through the Hub's own client.

Files are downloaded into the client's cache and read from there in small batches. Reading row
groups over the network instead would spare the disk, and would give up what the client's cache
brings: a download that was cut short goes on, a second run takes nothing, and it works offline.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from vistazo.errors import SourceError, Unsupported
from vistazo.records import EncoderSpec, printable
from vistazo.sources.base import Item, SideFile
from vistazo.sources.parquet import ParquetSource, conversions_files, photo_files

_NAME = re.compile(r"(?P<repo>[^/@]+/[^/@]+)(?:@(?P<revision>[^/]+))?(?:/(?P<path>.+?))?/?")
_TIMEOUT_S = 20.0
_OWN_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS)


class HubSource:
    """The photos of a data set.

    Args:
        name: `OWNER/DATASET`, with `@REVISION` (a branch, tag or commit; `%2F` for a slash in it)
            and `/PATH` of a folder or Parquet file in it, if wanted.
        vectors_of: name of the encoder that made the embeddings, where the files do not say.
        token: for private data sets; None takes HF_TOKEN or the one of `hf auth login`.
    Raises:
        SourceError: there is no such data set, it may not be read, or it has no photos.
        Unsupported: the client is not installed.
    """

    def __init__(
        self, name: str, *, vectors_of: str | None = None, token: str | None = None
    ) -> None:
        match = _NAME.fullmatch(name)
        if match is None:
            raise SourceError(
                f"hf:{printable(name)} names no data set; write hf:OWNER/DATASET, with @REVISION"
                " and /PATH behind it if wanted"
            )
        self._given = name
        self._repo = match["repo"]
        self._revision = (match["revision"] or "main").replace("%2F", "/")
        self._vectors_of = vectors_of
        self._token = token
        self._commit = ""  # of the files downloaded first: the others must be of the same
        self._notes: tuple[str, ...] = ()
        self._photos: ParquetSource | None = None
        files = self._listing()
        self._photo_files = _chosen(files, match["path"] or "")
        if not self._photo_files:
            there = ", ".join(printable(each) for each in files if each.endswith(".parquet"))
            raise SourceError(
                f"there is no photos.parquet in {self}; "
                + (f"give one of its files as hf:{self._repo}/FILE: {there[:300]}"
                   if there else "it has no Parquet file at all")
            )  # fmt: skip
        folder, _, first = self._photo_files[0].rpartition("/")
        prefix = f"{folder}/" if folder else ""
        beside = [each.removeprefix(prefix) for each in files if each.startswith(prefix)]
        self._conversions = [prefix + each for each in conversions_files(first, beside)]

    def __str__(self) -> str:
        return f"the data set {printable(self._repo)}"

    @property
    def name(self) -> str:
        """`hf:` and what was given."""
        return f"hf:{printable(self._given)}"

    @property
    def notes(self) -> Sequence[str]:
        """Sentences for the user."""
        return (*self._notes, *(self._photos.notes if self._photos else ()))

    def for_encoder(self, spec: EncoderSpec) -> Self:
        """The same photos, with their embeddings where this encoder made them."""
        self._photos = self._parquet().for_encoder(spec)
        return self

    def items(self) -> Iterator[Item]:
        """Every photo, read in small batches; downloads the files at the first time.

        Raises:
            SourceError: a file cannot be had, or is damaged.
        """
        return self._parquet().items()

    def read(self, item: Item) -> bytes:
        """Web addresses are not read by a source.

        Raises:
            FetchError: always.
        """
        return self._parquet().read(item)

    def tables(self) -> Mapping[str, Sequence[SideFile]]:
        """The conversions, downloaded."""
        # In the cache every content has a path of its own, and would not replace the one before.
        origin = f"hf:{self._repo}@{self._revision}"
        files = [SideFile(self._download(each), f"{origin}/{each}") for each in self._conversions]
        return {"conversions": files}

    def _parquet(self) -> ParquetSource:
        if self._photos is None:
            files = [self._download(name) for name in self._photo_files]
            self._photos = ParquetSource.of_files(self.name, files, self._vectors_of)
        return self._photos

    def _listing(self) -> list[str]:
        """Paths of the data set's files; without a network those that were downloaded before."""
        hub = _client()
        try:
            with self._explained():
                info = hub.HfApi(endpoint=_endpoint(), token=self._token).dataset_info(
                    self._repo, revision=self._revision, timeout=_TIMEOUT_S
                )
                return [each.rfilename for each in info.siblings or []]
        except _Unreachable as unreachable:
            cached = self._cached()
            if not cached:
                raise SourceError(str(unreachable)) from unreachable
            self._notes = (f"{self} is taken from this machine's cache: {unreachable.reason}",)
            return cached

    def _cached(self) -> list[str]:
        hub = _client()
        try:
            # No pattern, no file: only where they would be.
            folder = Path(
                hub.snapshot_download(
                    self._repo,
                    repo_type="dataset",
                    revision=self._revision,
                    local_files_only=True,
                    allow_patterns=[],
                )
            )
        except hub.errors.LocalEntryNotFoundError:
            return []
        found = (path for path in folder.rglob("*") if path.is_file())
        return sorted(path.relative_to(folder).as_posix() for path in found)

    def _download(self, name: str) -> Path:
        hub = _client()
        try:
            with self._explained():
                path = Path(
                    hub.hf_hub_download(
                        self._repo,
                        name,
                        repo_type="dataset",
                        # By its name first, so that the cache knows what it stands for offline.
                        revision=self._commit or self._revision,
                        endpoint=_endpoint(),
                        token=self._token,
                        local_files_only=bool(self._notes),
                    )
                )
        except _Unreachable as unreachable:
            raise SourceError(str(unreachable)) from unreachable
        parts = path.parts
        self._commit = parts[len(parts) - parts[::-1].index("snapshots")]
        return path

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Everything the client raises as one sentence of ours."""
        hub = _client()
        errors = hub.errors
        try:
            yield
        except errors.GatedRepoError as error:
            raise SourceError(
                f"{self} is gated: accept its terms at {_endpoint() or 'https://huggingface.co'}"
                f"/datasets/{printable(self._repo)} and set HF_TOKEN to your token"
            ) from error
        except errors.RevisionNotFoundError as error:
            raise SourceError(
                f"{self} has no revision {printable(self._revision)}; check its name"
            ) from error
        except errors.RepositoryNotFoundError as error:
            raise SourceError(self._not_found(hub)) from error
        except errors.HFValidationError as error:
            raise SourceError(
                f"{printable(self._repo)} cannot be the name of a data set; write hf:OWNER/DATASET"
            ) from error
        except errors.OfflineModeIsEnabled as error:
            raise _Unreachable(self, "HF_HUB_OFFLINE is set", "unset it") from error
        except errors.RemoteEntryNotFoundError as error:
            raise SourceError(f"a file of {self} is gone; run the same command again") from error
        except errors.HfHubHTTPError as error:
            status = error.response.status_code
            if status in (401, 403):
                raise SourceError(
                    f"the Hub does not let this token read {self} ({status});"
                    " set HF_TOKEN to one that may"
                ) from error
            raise _Unreachable(self, f"the Hub answers {status}", "try again later") from error
        # Which library carries the client's requests differs between its versions; the network's
        # failures are OSErrors or errors of HTTP in all of them.
        except (errors.HTTPError, OSError) as error:
            if getattr(error, "errno", None) in _OWN_DISK:
                raise SourceError(
                    f"{self} cannot be written to the cache: {error.strerror}; see HF_HOME"
                ) from error
            reason = printable(str(error) or type(error).__name__).splitlines()[0][:120]
            if isinstance(error, errors.LocalEntryNotFoundError):
                reason = "a file is not in the cache"
            raise _Unreachable(
                self, f"the Hub cannot be reached ({reason})", "check the network"
            ) from error

    def _not_found(self, hub: Any) -> str:
        remedy = (
            "check the name, and that your token may read it"
            if self._token or hub.get_token()
            else "check the name, or set HF_TOKEN if it is private"
        )
        return f"there is no data set {printable(self._repo)} on the Hub; {remedy}"


class _Unreachable(Exception):
    """The Hub cannot be asked; what was downloaded before may do."""

    def __init__(self, source: HubSource, reason: str, remedy: str) -> None:
        super().__init__(f"{source} cannot be had, because {reason}; {remedy}")
        self.reason = reason


def _client() -> Any:
    try:
        import huggingface_hub
        import huggingface_hub.errors
    except ImportError as error:
        raise Unsupported(
            'hf: sources need the Hub\'s client. Run: pip install "vistazo[hub]"'
        ) from error
    return huggingface_hub


def _endpoint() -> str | None:
    # The client reads it when it is imported: a notebook may set it after that.
    return os.environ.get("HF_ENDPOINT")


def _chosen(files: Sequence[str], path: str) -> list[str]:
    """The photos' files: those at a path, or in the top folder."""
    if path in files:
        return [path]
    prefix = f"{path}/" if path else ""
    inside = [
        each.removeprefix(prefix)
        for each in files
        if each.startswith(prefix) and "/" not in each.removeprefix(prefix)
    ]
    return [prefix + each for each in photo_files(inside)]


if TYPE_CHECKING:
    from vistazo.sources.base import BringsTables, BringsVectors, Source

    def _conforms(source: HubSource) -> Source:
        return source

    def _brings_tables(source: HubSource) -> BringsTables:
        return source

    def _brings_vectors(source: HubSource) -> BringsVectors:
        return source
