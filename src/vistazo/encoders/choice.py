"""Which encoder a library works with: the one that made its vectors, and no other."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from vistazo.encoders import models, registry
from vistazo.encoders.base import fits
from vistazo.encoders.registry import Options
from vistazo.errors import EncoderMismatch, UnknownEncoder
from vistazo.records import EncoderSpec, printable

if TYPE_CHECKING:
    from vistazo.encoders.base import Encoder


class EncoderChoice:
    """Chooses and keeps the encoder of one library; safe to use from several threads.

    Args:
        library: how messages call the library.
        wanted: a name or an encoder that was asked for; None or `auto` takes the library's own.
        options: the name for a library that has none yet, and how encoders are run.
        recorded: what the library says made its vectors; None while it holds no photo.
        epoch: another value when that may have changed, never None.
    """

    def __init__(
        self,
        library: str,
        wanted: str | Encoder | None,
        options: Options,
        recorded: Callable[[], EncoderSpec | None],
        epoch: Callable[[], object] = lambda: "",
    ) -> None:
        self._library = library
        self._wanted = None if wanted == registry.AUTO else wanted
        self._recorded = recorded
        self._options = options
        self._lock = threading.Lock()
        self._kept: Encoder | None = None
        self._epoch = epoch
        # When the library's own record agreed with the kept one; None where it did not yet.
        self._confirmed: object = None

    def get(self, wanted: str | Encoder | None = None) -> Encoder:
        """The encoder to work with.

        Args:
            wanted: as in the constructor, for this call and later ones.
        Raises:
            UnknownEncoder: there is none of this name.
            EncoderMismatch: it is not the one that made the library's vectors.
        """
        epoch = self._epoch()  # may wait for `adopt`, which needs the lock
        with self._lock:
            if wanted is not None and wanted != registry.AUTO:
                self._take(wanted)
            if self._kept is None or self._confirmed != epoch:
                recorded = self._recorded()
                if self._kept is None or (
                    recorded is not None and not fits(self._kept.spec, recorded)
                ):
                    self._kept = self._make(recorded)
                self._confirmed = epoch if recorded is not None else None
            return self._kept

    def another(self, wanted: str | Encoder) -> Encoder:
        """An encoder beside the library's own, to make every vector anew with.

        Raises:
            UnknownEncoder: there is none of this name.
        """
        if not isinstance(wanted, str):
            return wanted
        return registry.create(registry.resolve(wanted, self._options)[0], self._options)

    def as_recorded(self, wanted: str | Encoder, recorded: EncoderSpec) -> Encoder:
        """The encoder that made vectors of this record.

        Raises:
            EncoderMismatch: it is another one by now, or none of vistazo's.
        """
        encoder = self._create(wanted, recorded) if isinstance(wanted, str) else wanted
        if not fits(encoder.spec, recorded):
            raise self._mismatch(recorded, f"'{encoder.spec.name}' as it is now")
        return encoder

    def adopt(self, encoder: Encoder | None) -> None:
        """Work with this one, which has made every vector anew; None: with the recorded one."""
        with self._lock:
            self._wanted, self._kept, self._confirmed = encoder, None, None

    def check(self, wanted: str | None) -> None:
        """Raise EncoderMismatch if the library's vectors are not of the encoder of this name."""
        if wanted is None or wanted == registry.AUTO:
            return
        recorded = self._recorded()
        if recorded is not None and self._foreign(wanted, recorded):
            raise self._mismatch(recorded, f"'{printable(wanted)}'")

    def preview(self) -> tuple[str, str]:
        """Name of the encoder a new library gets, and why when nobody asked for it by name."""
        if self._wanted is not None and not isinstance(self._wanted, str):
            return self._wanted.spec.name, ""
        return registry.resolve(self._wanted or self._options.encoder, self._options)

    def _take(self, wanted: str | Encoder) -> None:
        """Work with another one from now on; if that cannot be, all stays as it was."""
        before = self._wanted
        self._wanted = wanted
        try:
            self._kept, self._confirmed = self._make(self._recorded()), None
        except BaseException:
            self._wanted = before
            raise

    def _make(self, recorded: EncoderSpec | None) -> Encoder:
        encoder = self._wanted
        if encoder is None or isinstance(encoder, str):
            name = self._name(encoder, recorded)
            if recorded is not None and self._foreign(name, recorded):
                raise self._mismatch(recorded, f"'{printable(name)}'")
            encoder = self._create(name, recorded)
        if recorded is not None and not fits(encoder.spec, recorded):
            other = f"'{encoder.spec.name}'"
            if encoder.spec.name == recorded.name:
                other = f"another build of it ({encoder.spec.checksum[:8]})"
            raise self._mismatch(recorded, other)
        return encoder

    def _name(self, wanted: str | None, recorded: EncoderSpec | None) -> str:
        if wanted is None and recorded is not None:
            # Other words for the same pictures, where the user has chosen such.
            other = self._options.text_encoder
            if other and not self._foreign(other, recorded):
                return self._as_recorded(other, recorded)
            return recorded.name
        if wanted is not None and recorded is not None:
            return self._as_recorded(wanted, recorded)
        return registry.resolve(wanted or self._options.encoder, self._options)[0]

    def _as_recorded(self, wanted: str, recorded: EncoderSpec) -> str:
        """A name in the library's precision, where neither it nor the options say another."""
        name = models.parse(wanted)
        if name.precision or self._options.precision or name.base == registry.OFFLINE:
            return wanted
        try:
            return replace(name, precision=models.parse(recorded.name).precision or "fp32").text
        except UnknownEncoder:
            return wanted

    def _foreign(self, wanted: str, recorded: EncoderSpec) -> bool:
        """Whether a name alone tells that its vectors are not the library's.

        Of a folder, or a name on the Hub, only its files tell.
        """
        if wanted == recorded.name:
            return False
        name = models.parse(wanted)
        if name.base not in registry.NAMES:
            return False
        try:
            space = models.parse(recorded.name).space
        except UnknownEncoder:
            return True
        return space.base in registry.NAMES and name.space.base != space.base

    def _create(self, name: str, recorded: EncoderSpec | None) -> Encoder:
        try:
            return registry.create(name, self._options)
        except UnknownEncoder as error:
            if recorded is None:
                raise
            raise EncoderMismatch(
                f"the library {self._library} was made with the encoder '{recorded.name}', which"
                " is not one of vistazo's: pass it as vistazo.open(.., encoder=..)"
            ) from error

    def _mismatch(self, recorded: EncoderSpec, other: str) -> EncoderMismatch:
        return EncoderMismatch(
            f"the library {self._library} was made with the encoder '{recorded.name}'"
            f" ({recorded.checksum[:8]}), and vectors of {other} cannot be compared with its own;"
            " give another --db to start a new library"
        )
