"""Every error vistazo raises on purpose.

    VistazoError
    ├── UsageError (ValueError)            what was asked cannot be done as asked
    │   ├── InvalidQuery                   a query, `k`, or image that cannot be searched with
    │   ├── InvalidFilter                  a `where` that does not parse; points at the place
    │   ├── InvalidSetting                 a flag, variable or vistazo.toml entry
    │   ├── UnknownEncoder
    │   └── Unsupported                    this backend or installation cannot do that
    ├── LibraryError
    │   ├── LibraryNotFound (LookupError)
    │   ├── LibraryEmpty
    │   ├── LibraryInvalid                 the path is something else than a library
    │   ├── LibraryBusy                    another process, or another library in this one
    │   ├── LibraryNewer                   written by a newer vistazo
    │   └── EncoderMismatch                the vectors came from another encoder
    ├── StoreError                         the database refused or failed
    │   ├── InvalidSQL (ValueError)
    │   └── StorageFull (OSError)
    ├── PhotoNotFound (LookupError)
    ├── SourceError                        a folder or file that cannot be read as a source
    ├── DatasetError                       a dataset that cannot be written, or is not whole
    ├── HubError                           the Hugging Face Hub refuses, or cannot be reached
    ├── ServeError                         a port that cannot be served on
    ├── ServerError                        a server that cannot be reached, or answers as another
    │   └── AccessDenied                   it wants a token, or another one
    ├── WeightsError
    │   ├── WeightsMissing
    │   └── WeightsCorrupt
    └── ItemError                          one bad item: a row of `failures`, never the run's end
        ├── FetchError
        ├── ImageError
        ├── EmbedError
        └── InsertError

`code` names the cause in the failures table and in `--json`. The message comes first and every
extra is optional, so that errors survive pickling on their way from a worker.
"""

from __future__ import annotations


class VistazoError(Exception):
    """Base of all; its text is one sentence meant for the user."""

    code = "error"


class UsageError(VistazoError, ValueError):
    """What was asked cannot be done as asked; the command line exits with 2."""

    code = "usage"


class InvalidQuery(UsageError):
    """The query cannot be searched with: empty, `k` out of range, not an image.

    Attributes:
        text, position: of a query that cannot be read, and the index of what is wrong in it;
            empty and None else.
    """

    code = "invalid-query"

    def __init__(self, message: str, *, text: str = "", position: int | None = None) -> None:
        super().__init__(message)
        self.text, self.position = text, position


class InvalidFilter(UsageError):
    """A `where` expression does not parse or names an unknown field."""

    code = "invalid-filter"

    def __init__(self, message: str, *, position: int = 0, problem: str = "") -> None:
        super().__init__(message)
        self.position, self.problem = position, problem


class InvalidSetting(UsageError):
    """A setting has an unknown name or a value of the wrong kind."""

    code = "invalid-setting"


class UnknownEncoder(UsageError):
    """No encoder has this name."""

    code = "unknown-encoder"


class Unsupported(UsageError):
    """This backend, or this installation, cannot do what was asked."""

    code = "unsupported"


class LibraryError(VistazoError):
    """The library as a whole cannot be used as asked."""

    code = "library"


class LibraryNotFound(LibraryError, LookupError):
    """There is no library at this path."""

    code = "library-not-found"


class LibraryEmpty(LibraryError):
    """The library holds no photo yet."""

    code = "library-empty"


class LibraryInvalid(LibraryError):
    """The path exists and is not a library."""

    code = "library-invalid"


class LibraryBusy(LibraryError):
    """Somebody else holds the library, or this process holds another one."""

    code = "library-busy"


class LibraryNewer(LibraryError):
    """The library was written by a newer version of vistazo."""

    code = "library-newer"


class EncoderMismatch(LibraryError):
    """The library's vectors were made by another encoder."""

    code = "encoder-mismatch"


class StoreError(VistazoError):
    """The database refused or failed.

    Attributes:
        engine_code: the engine's own number for the error, 0 when it gave none.
    """

    code = "store"

    def __init__(self, message: str, *, engine_code: int = 0) -> None:
        super().__init__(message)
        self.engine_code = engine_code


class InvalidSQL(StoreError, ValueError):
    """The SQL text is wrong, or writes where only reading is allowed."""

    code = "invalid-sql"


class StorageFull(StoreError, OSError):
    """The disk under the library is full."""

    code = "storage-full"


class PhotoNotFound(VistazoError, LookupError):
    """No photo of the library has this id."""

    code = "photo-not-found"


class SourceError(VistazoError):
    """A folder, table or file cannot be read as a source."""

    code = "source"


class DatasetError(VistazoError):
    """A dataset cannot be built or written, or a folder holds no whole one."""

    code = "dataset"


class HubError(VistazoError):
    """The Hugging Face Hub refuses, fails or cannot be reached."""

    code = "hub"


class ServeError(VistazoError):
    """A port cannot be listened on."""

    code = "serve"


class ServerError(VistazoError):
    """The server of a library cannot be reached, breaks off, or is none of vistazo's."""

    code = "server"


class AccessDenied(ServerError):
    """The server does not let us do that: no token, a wrong one, or one that only reads."""

    code = "access-denied"


class WeightsError(VistazoError):
    """An encoder's model files cannot be used."""

    code = "weights"


class WeightsMissing(WeightsError):
    """An encoder's model files are not on this machine."""

    code = "weights-missing"


class WeightsCorrupt(WeightsError):
    """An encoder's model file differs from its recorded checksum."""

    code = "weights-corrupt"


class ItemError(VistazoError):
    """One item cannot be taken in; the run goes on without it.

    Attributes:
        code: the cause, as the failures table groups it.
    """

    code = "item"
    stage = "item"

    def __init__(self, message: str, *, code: str = "") -> None:
        super().__init__(message)
        if code:
            self.code = code


class FetchError(ItemError):
    """The item's bytes cannot be had."""

    code = "unreadable"
    stage = "fetch"


class ImageError(ItemError):
    """The bytes are not a picture that can be decoded within the limits."""

    code = "not-an-image"
    stage = "decode"


class EmbedError(ItemError):
    """The encoder failed on this picture."""

    code = "encoder"
    stage = "embed"


class InsertError(ItemError):
    """The database refused this photo's row."""

    code = "refused"
    stage = "insert"
