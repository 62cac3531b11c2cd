"""The part of the library's facade that is about whose vectors it has."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from vistazo.store.kept_vectors import KeptVectors

if TYPE_CHECKING:
    from vistazo.config import Settings
    from vistazo.encoders.base import Encoder
    from vistazo.encoders.choice import EncoderChoice
    from vistazo.ingest.progress import Progress
    from vistazo.ingest.reembed import ReembedReport
    from vistazo.records import EncoderSpec, Float32Array
    from vistazo.search.paths import DatabasePath
    from vistazo.store.connect import Connection
    from vistazo.store.store import Store


class Vectors:
    """A library's encoder, and the way to another one; `Library` fills the attributes."""

    connection: Connection
    _settings: Settings
    _store: Store
    _path: DatabasePath
    _encoder: EncoderChoice

    @property
    def encoder(self) -> EncoderSpec | None:
        """The encoder that made the vectors; None before the first photo."""
        return self._recorded_encoder()

    @property
    def encoder_notice(self) -> str:
        """What a user should know once of the library's encoder; empty when there is nothing."""
        return self._encoder.get().notice

    def encoder_choice(self) -> tuple[str, str]:
        """Which encoder a new library gets, and why (empty when it was asked for by name).

        Raises:
            UnknownEncoder: there is none of this name.
        """
        return self._encoder.preview()

    def check_encoder(self, name: str | None) -> None:
        """Raise EncoderMismatch if the vectors are not of the encoder of this name."""
        self._encoder.check(name)

    def embed(self, text: str) -> Float32Array:
        """The vector of a text, (dim,) float32, as `embed('..')` in SQL is replaced by."""
        return self._encoder.get().encode_texts([text]).reshape(-1)

    def reembed(
        self,
        encoder: str | Encoder | None = None,
        *,
        rollback: bool = False,
        thumbnails: bool = False,
        leave_out: bool = False,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> ReembedReport:
        """Embed every photo by another encoder; the old vectors answer until all are made.

        A picture is read from its file where that is still what was indexed, else from its
        thumbnail, and downloaded only where there is none. Stopped anywhere, the same call
        continues. The old vectors are kept, so that `rollback` takes no embedding.

        Args:
            encoder: a name, or an object of your own; None takes the setting. With `rollback` it is
                needed only for photos that came after the switch, and None finds it by its name.
            rollback: go back to the encoder that was replaced last.
            thumbnails: do not look at files that have a thumbnail.
            leave_out: remove photos that cannot be embedded; else they keep the library from
                switching.
            on_progress: called several times a second, in this thread.
        Returns:
            What was done; `switched` is False when some photos could not be embedded.
        Raises:
            LibraryEmpty: there is no photo.
            UsageError: the vectors are this encoder's, or there is nothing to go back to.
            EncoderMismatch: a photo is new, and the encoder of before is another one by now.
            StorageFull: the disk is full; what was embedded stays.
            LibraryBusy: another process is indexing or loading; only on a server.
        """
        # Here, for who only searches needs neither it nor what it imports.
        from vistazo.ingest import reembed as anew
        from vistazo.ingest.pipeline import IngestPlan

        settings = self._settings
        plan = anew.ReembedPlan(
            IngestPlan.of(settings, retry_failed=False, prune=False, whole=True),
            thumbnails=thumbnails,
            leave_out=leave_out,
            index_rows=settings.vector_index_rows,
        )
        store, choice = self._store, self._encoder
        given = encoder if not isinstance(encoder, str) else None

        def adopt() -> None:
            # A name is made anew from the record: with the text tower that the settings want.
            choice.adopt(given)

        def before(spec: EncoderSpec) -> Encoder:
            return choice.as_recorded(encoder or spec.name, spec)

        with (
            self.connection.writing,
            self.connection.sole_writer("embedding every photo by another encoder"),
        ):
            if rollback:
                report = anew.roll_back(self.connection, store, plan, before, adopt, on_progress)
            else:
                chosen = choice.another(encoder or settings.encoder)
                report = anew.reembed(chosen, self.connection, store, plan, adopt, on_progress)
        self._path.refresh()
        return report

    def forget_replaced(self) -> int:
        """Delete the vectors that `reembed` keeps, of encoders before and to come; how many."""
        with self.connection.writing, self.connection.sole_writer("deleting kept vectors"):
            return KeptVectors(self.connection).forget_all()

    def _recorded_encoder(self) -> EncoderSpec | None:
        recorded = self._store.encoder()
        return recorded if recorded and self._store.count() else None
