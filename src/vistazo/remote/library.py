"""The facade of a library that a server holds."""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, Unpack

from vistazo.errors import InvalidQuery, ServerError, Unsupported, UsageError
from vistazo.records import (
    Demand,
    EncoderSpec,
    Failure,
    IndexStatus,
    IngestReport,
    LoadReport,
    Query,
    Stats,
    printable,
)
from vistazo.remote import files, jobs, reading
from vistazo.remote.browsing import RemoteBrowsing
from vistazo.remote.downloads import RemoteDownloads
from vistazo.remote.transport import ANSWER_S, Transport
from vistazo.search.hits import Hits, title_of
from vistazo.search.query import parse

if TYPE_CHECKING:
    import pyarrow as pa

    from vistazo.datasets.build import BuildPlan, BuildReport
    from vistazo.encoders.base import Encoder
    from vistazo.facade import Facade
    from vistazo.ingest.progress import Progress
    from vistazo.remote.address import ServerAddress
    from vistazo.sources.base import Source
    from vistazo.wishes import Wishes

API = 1
_LOOK_S = 0.5


class RemoteLibrary(RemoteBrowsing):
    """A library behind a server: what `Library` answers, answered by the server.

    Methods may be called from several threads. Made by `vistazo.open`.

    Args:
        encoder: the name of the encoder that the library's vectors must be of; None takes any.
        patience_s: how long the server may take to be reached, and to answer for the first time.

    Raises:
        ServerError: it cannot be reached, or is no vistazo of this interface.
        AccessDenied: it wants a token, or another one.
        Unsupported: `encoder` is an object.
    """

    def __init__(
        self,
        address: ServerAddress,
        *,
        encoder: str | Encoder | None = None,
        patience_s: float = 10.0,
    ) -> None:
        self._wanted = files.encoder_name(encoder)
        self._transport = Transport(address, connect_s=patience_s)
        self._transport.answer_s = patience_s
        try:
            about = self._about()
            self._name, self._folder = str(about["name"]), str(about["folder"])
        except BaseException:
            self.close()
            raise
        self._transport.answer_s = ANSWER_S

    @property
    def name(self) -> str:
        """What the server calls the library: its folder, or a DSN without the password."""
        return self._name

    @property
    def path(self) -> Path:
        """The library's folder, on the server's machine; `Unsupported` where it has none."""
        if not self._folder:
            raise Unsupported(f"the library {self.name} is on a database server, without a folder")
        return Path(self._folder)

    # Filling

    def index(
        self,
        source: str | os.PathLike[str] | Source,
        *,
        encoder: str | Encoder | None = None,
        limit: int | None = None,
        prune: bool = False,
        retry_failed: bool = False,
        wait_for_index: bool = True,
        photos_only: bool = False,
        vectors_of: str | None = None,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> IngestReport:
        """Have the server bring its library up to date with a source that it can read.

        Stopped anywhere, Ctrl-C included, the run ends at the server too, and the same call
        continues.

        Args:
            source: as for `Library.index`, but by its name; a path is one of the server's machine.
        Raises:
            Unsupported: the source is an object, or a file that only this machine has.
            AccessDenied: the token does not let its holder write.
        """
        if limit is not None and (type(limit) is not int or limit < 1):
            raise UsageError(f"limit must be a whole number from 1, not {limit!r}")
        named = files.source_name(source, self.address)
        body = {
            "source": named,
            "encoder": files.encoder_name(encoder) or self._wanted,
            "limit": limit,
            "prune": prune,
            "retry_failed": retry_failed,
            "photos_only": photos_only,
            "vectors_of": vectors_of,
        }

        def tell(state: Mapping[str, Any]) -> None:
            from vistazo.ingest.progress import Progress

            assert on_progress is not None
            on_progress(Progress(state["done"], state["total"], state["failed"]))

        with files.only_here(named, self.address):
            fields = jobs.run(
                self._transport, "/library/index", body, tell if on_progress else None
            )
        if wait_for_index:
            self.wait_for_index()
        return reading.report(fields)

    def load_conversions(
        self,
        file: str | os.PathLike[str],
        *,
        on_progress: Callable[[int], None] | None = None,
    ) -> LoadReport:
        """Have the server load a log of downloads that it can read; see `Library`."""
        path = files.path_there(os.fspath(file), self.address)

        def tell(state: Mapping[str, Any]) -> None:
            assert on_progress is not None
            on_progress(state["done"])

        with files.only_here(path, self.address):
            fields = jobs.run(
                self._transport, "/conversions", {"file": path}, tell if on_progress else None
            )
        return reading.load(fields)

    def build_dataset(
        self,
        source: str | os.PathLike[str] | Source,
        out: str | os.PathLike[str],
        plan: BuildPlan | None = None,
    ) -> BuildReport:
        """Not over a server: it would write files there.

        Raises:
            Unsupported: always.
        """
        raise files.no_datasets(self.address)

    # Finding

    def search(
        self,
        text: str | None = None,
        *,
        image: Any = None,
        k: int = 10,
        where: str = "",
        like: Sequence[str] = (),
        dislike: Sequence[str] = (),
        **wishes: Unpack[Wishes],
    ) -> Hits:
        """The k photos that fit a text, or look like an image, best first; see `Library`."""
        return self.find(
            Query(
                text=text,
                image=image,
                k=k,
                where=where,
                like=tuple(like),
                dislike=tuple(dislike),
                **wishes,
            )
        )

    def similar(
        self, photo_id: str, k: int = 10, *, where: str = "", **wishes: Unpack[Wishes]
    ) -> Hits:
        """The k photos most like one of the library, never that photo itself; see `Library`."""
        return self.find(Query(photo_id=photo_id, k=k, where=where, **wishes))

    def find(self, query: Query) -> Hits:
        """Answer a query of any kind."""
        rows = self._transport.post("/library/find", self._sent(query))["hits"]
        return Hits(map(reading.hit, rows), self.thumbnails, title_of(query))

    # Asking

    def demand(self, query: Query) -> Demand:
        """How often people downloaded what a query finds, and what they had searched for."""
        return reading.demand(self._transport.post("/library/demand", self._sent(query)))

    def downloads(self, query: Query | None = None) -> RemoteDownloads:
        """Questions about downloads; see `Library`."""
        return RemoteDownloads(self._transport, None if query is None else self._sent(query))

    def sql(
        self, query: str, params: Mapping[str, Any] | None = None, *, write: bool = False
    ) -> pa.Table:
        """Run one SQL statement at the server; see `Library`.

        Raises:
            AccessDenied: it is to write, and the token does not let its holder write.
        """
        body = {"query": query, "params": dict(params or {}), "write": write}
        data = self._transport.ask("/library/sql", body, again=not write)
        import pyarrow as pa

        with pa.ipc.open_stream(data) as stream:
            return stream.read_all()

    def failures(self) -> list[Failure]:
        """Every item that could not be taken in and still stands as failed, by URL."""
        return [
            reading.failure(each) for each in self._transport.get("/library/failures")["failures"]
        ]

    def stats(self) -> Stats:
        """What the library holds."""
        return reading.stats(self._transport.get("/library/stats"))

    def index_status(self) -> IndexStatus:
        """State of the vector index: `Absent`, `InProgress`, `Built` or `Error`."""
        return IndexStatus(**self._transport.get("/library/vector-index"))

    def wait_for_index(self, timeout_s: float = math.inf) -> IndexStatus:
        """Wait until the vector index is built, at most so long; its state then."""
        deadline = time.monotonic() + timeout_s
        while True:
            status = self.index_status()
            left_s = deadline - time.monotonic()
            if status.state != "InProgress" or left_s <= 0:
                return status
            time.sleep(min(_LOOK_S, left_s))

    def close(self) -> None:
        """Close the connection; the server keeps its library."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # The encoder

    @property
    def encoder(self) -> EncoderSpec | None:
        """The encoder that made the vectors; None before the first photo."""
        return reading.encoder(self._transport.get("/library")["encoder"])

    @property
    def encoder_notice(self) -> str:
        """What a user should know once of the library's encoder; empty when there is nothing."""
        notice: str = self._of_encoder()["notice"]
        return notice

    def encoder_choice(self) -> tuple[str, str]:
        """Which encoder a new library gets at the server, and why."""
        name, reason = self._of_encoder()["choice"]
        return name, reason

    def _about(self) -> dict[str, Any]:
        about = self._transport.get("/library")
        if isinstance(about, dict) and about.get("api") == API:
            return about
        version = about.get("version", "?") if isinstance(about, dict) else "?"
        raise ServerError(
            f"the server {self.address.url} speaks another version of the interface (vistazo"
            f" {printable(str(version))}): give both the same version"
        )

    def _of_encoder(self) -> Any:
        return self._transport.get("/library/encoder")

    def _vector(self, image: Any) -> list[float]:
        """The vector of an image, which is sent for it."""
        form, media_type = files.image_form(image)
        answer = self._transport.send("POST", "/library/vector", form, media_type)
        vector: list[float] = json.loads(answer)["vector"]
        return vector

    def _sent(self, query: Query) -> dict[str, Any]:
        """A query as the server takes it: an image becomes its vector first."""
        given = (query.text, query.image, query.photo_id, query.vector)
        count = sum(each is not None for each in given)
        if count > 1 or (not count and not query.like):
            raise InvalidQuery("give exactly one of: a text, an image, the id of a photo")
        vector: Any = query.vector
        if query.image is not None:
            vector = self._vector(query.image)
        images: dict[str, Any] = {}
        if query.text is not None:
            # The server fetches what has an address; files are this machine's.
            names = parse(query.text).images
            local = [name for name in names if not name.lower().startswith(("http:", "https:"))]
            images = {name: self._vector(Path(name).expanduser()) for name in local}
        return {
            "text": query.text,
            "images": images,
            "photo_id": query.photo_id,
            "vector": vector,
            "k": query.k,
            "where": query.where,
            "like": list(query.like),
            "dislike": list(query.dislike),
            "fold": query.fold,
            "diverse": query.diverse,
            "encoder": self._wanted,
            "mode": query.mode,
            "words_weight": query.words_weight,
            "popular": query.popular,
            "popular_for": query.popular_for,
            "half_life_days": query.half_life_days,
            "cut": query.cut,
        }


if TYPE_CHECKING:

    def _conforms(library: RemoteLibrary) -> Facade:
        return library
