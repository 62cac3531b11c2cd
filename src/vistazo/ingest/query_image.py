"""An image to search with, in any form a caller may have it."""

from __future__ import annotations

import os
from concurrent.futures import CancelledError
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vistazo.errors import FetchError, ImageError, InvalidQuery
from vistazo.records import printable

if TYPE_CHECKING:
    from PIL.Image import Image

    from vistazo.config import Settings

# No encoder reads more than this of a picture's shorter side.
_MIN_SIDE = 512


def read_query_image(image: Any) -> Image:
    """A path, the bytes of an image file or a PIL image, as an upright RGB image.

    Raises:
        InvalidQuery: it cannot be read or is no image.
    """
    # Here, because most searches are by words, and decoders cost time to import.
    from PIL import Image, ImageOps

    from vistazo.ingest.decode import decode, eight_bit, on_white

    if isinstance(image, Image.Image):
        try:
            upright = ImageOps.exif_transpose(image)
            return on_white(eight_bit(upright, image.format or ""))
        except Exception as error:  # a picture of the caller's that is decoded only now
            reason = printable(str(error) or type(error).__name__)[:200]
            raise InvalidQuery(f"the image cannot be searched with: {reason}") from error
    if isinstance(image, (bytes, bytearray, memoryview)):
        shown, data = "the image", bytes(image)
    elif isinstance(image, (str, os.PathLike)):
        shown = printable(os.fspath(image))
        try:
            data = Path(image).read_bytes()
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise InvalidQuery(f"the image {shown} cannot be read: {reason}") from error
    else:
        kind = type(image).__name__
        raise InvalidQuery(f"an image is a path, bytes or a PIL image, not {kind}")
    try:
        return decode(data, min_side=_MIN_SIDE).image
    except ImageError as error:
        raise InvalidQuery(f"{shown} cannot be searched with: {error}") from error


def read_named_image(name: str, *, settings: Settings) -> Image:
    """A picture that a query's text names, by its path or its address of the web.

    Raises:
        InvalidQuery: it cannot be read or is no image.
        FetchError: the address may not be fetched, or does not answer.
    """
    from vistazo.ingest.download_plan import DownloadPlan
    from vistazo.ingest.hosts import is_web

    if not is_web(name):
        return read_query_image(Path(name).expanduser())
    from vistazo.ingest.fetch import Downloader

    plan = DownloadPlan.of(settings)
    downloader = Downloader(plan)
    try:
        data = downloader.submit(name).result(plan.deadline_s + 5)
    except (CancelledError, TimeoutError) as error:
        raise FetchError("the image could not be fetched in time", code="deadline") from error
    finally:
        downloader.close()
    return read_query_image(data)
