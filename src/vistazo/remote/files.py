"""What lies on this machine and what on the server's: sources, logs, images to search with."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vistazo.errors import InvalidQuery, SourceError, Unsupported
from vistazo.records import printable

if TYPE_CHECKING:
    from vistazo.encoders.base import Encoder
    from vistazo.remote.address import ServerAddress
    from vistazo.sources.base import Source

MAX_IMAGE_BYTES = 32 * 1024 * 1024
_AUTO = "auto"


def encoder_name(encoder: str | Encoder | None) -> str | None:
    """The name of an encoder as it is sent; None where any will do.

    Raises:
        Unsupported: it is an object.
    """
    if encoder is None or encoder == _AUTO:
        return None
    if not isinstance(encoder, str):
        raise Unsupported(
            "an encoder of your own works only in the process that has the library open: stop"
            " `vistazo serve` first, or name one of vistazo's"
        )
    return encoder


def source_name(source: str | os.PathLike[str] | Source, address: ServerAddress) -> str:
    """A source by the name that the server knows it by.

    Raises:
        Unsupported: it is an object, or a relative path for another machine.
    """
    if not isinstance(source, (str, os.PathLike)):
        raise Unsupported(
            f"the server {address.url} holds the library, and a source that is an object cannot be"
            " sent to it: stop the server, or give the name of a folder or list"
        )
    from vistazo.sources.named import kind_of

    kind, rest = kind_of(source)
    if kind == "hf":
        return f"hf:{rest}"
    path = path_there(rest, address)
    return f"{kind}:{path}" if kind else path


def path_there(path: str, address: ServerAddress) -> str:
    """A path as the server finds it: absolute.

    Raises:
        Unsupported: it is relative, and the server is another machine.
    """
    if Path(path).is_absolute():
        return path
    if not address.is_here:
        raise Unsupported(
            f"'{printable(path)}' would be looked for on the machine of the server {address.url}:"
            " give its absolute path there"
        )
    # Links are left alone: a source is known by the name it was given.
    return str(Path(path).expanduser().absolute())


@contextlib.contextmanager
def only_here(name: str, address: ServerAddress) -> Iterator[None]:
    """Say it, when the server cannot read what this machine has."""
    try:
        yield
    except SourceError as error:
        path = name if os.path.lexists(name) else name.partition(":")[2]
        if address.is_here or not path or not os.path.lexists(path):
            raise
        raise Unsupported(
            f"{printable(path)} is on this machine, and the server {address.url} reads its own"
            f" files ({error}); copy it there, and give its path on that machine"
        ) from error


def no_datasets(address: ServerAddress) -> Unsupported:
    """Why a dataset cannot be built."""
    return Unsupported(
        f"the server {address.url} holds the library, and a dataset is built by the process that"
        " has it open: stop `vistazo serve`, or leave --db out to use a library of the dataset's"
    )


def image_form(image: Any) -> tuple[bytes, str]:
    """An image as a form with one file, and the form's media type.

    Raises:
        InvalidQuery: it cannot be read, or is too large.
    """
    data = _image_bytes(image)
    if len(data) > MAX_IMAGE_BYTES:
        raise InvalidQuery(
            f"the image is larger than the {MAX_IMAGE_BYTES >> 20} MB that a server takes; give a"
            " smaller one"
        )
    boundary = f"vistazo-{secrets.token_hex(16)}"
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="image"; filename="image"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    )
    form = head.encode("ascii") + data + f"\r\n--{boundary}--\r\n".encode("ascii")
    return form, f"multipart/form-data; boundary={boundary}"


def _image_bytes(image: Any) -> bytes:
    if isinstance(image, (bytes, bytearray, memoryview)):
        return bytes(image)
    if isinstance(image, (str, os.PathLike)):
        try:
            return Path(image).read_bytes()
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            shown = printable(os.fspath(image))
            raise InvalidQuery(f"the image {shown} cannot be read: {reason}") from error
    import io

    from vistazo.ingest.query_image import read_query_image

    file = io.BytesIO()
    read_query_image(image).save(file, "PNG", compress_level=1)
    return file.getvalue()
