"""`/export`: the photos picked, to take away as a table or with their pictures."""

from __future__ import annotations

import io
import re
import tempfile
import zipfile
from collections.abc import Iterator
from typing import IO, TYPE_CHECKING, Annotated, Literal

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
from fastapi import APIRouter, Query, Response
from fastapi.responses import StreamingResponse

from vistazo.errors import UsageError
from vistazo.web import schemas
from vistazo.web.originals import NoOriginal, Originals

if TYPE_CHECKING:
    from vistazo.library import Library

_MOST_PICTURES = 500
_MOST_BYTES = 2 << 30
_CHUNK = 256 * 1024
# A spreadsheet takes a text that begins so for a formula, and captions are anybody's.
_FORMULA = re.compile(r"^[=+\-@\t\r]")
_SUFFIXES = {"JPEG": "jpg", "HEIF": "heic", "TIFF": "tif"}
Format = Literal["csv", "parquet", "zip"]
_TYPES = {"csv": "text/csv; charset=utf-8", "parquet": "application/vnd.apache.parquet"} | {
    "zip": "application/zip"
}


def router(library: Library) -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["export"])
    originals = Originals()

    @routes.post(
        "/export",
        response_class=Response,
        responses={200: {"content": {kind: {} for kind in _TYPES.values()}}},
    )
    def export(
        selection: schemas.Selection,
        format: Annotated[Format, Query(description="zip has the pictures too")] = "csv",
    ) -> Response:
        """The photos picked: their rows as CSV or Parquet, or with their pictures as ZIP."""
        table = library.selection(selection.photo_ids).table()
        headers = {
            "Content-Disposition": f'attachment; filename="vistazo-photos.{format}"',
            "Cache-Control": "no-store",
        }
        if format == "zip":
            if table.num_rows > _MOST_PICTURES:
                raise UsageError(f"a ZIP holds at most {_MOST_PICTURES} photos; pick fewer")
            file = _zipped(library, originals, table)
            headers["Content-Length"] = str(file.seek(0, io.SEEK_END))
            return StreamingResponse(_chunks(file), headers=headers, media_type=_TYPES[format])
        made = _csv(table) if format == "csv" else _parquet(table)
        return Response(made, headers=headers, media_type=_TYPES[format])

    return routes


def _csv(table: pa.Table) -> bytes:
    columns = [
        pa.array([_harmless(value) for value in column.to_pylist()], pa.string())
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
        else column
        for column in table.columns
    ]
    out = io.BytesIO()
    out.write(b"\xef\xbb\xbf")  # without it spreadsheets guess another encoding
    pyarrow.csv.write_csv(pa.table(columns, names=table.column_names), out)
    return out.getvalue()


def _harmless(value: str | None) -> str | None:
    return f"'{value}" if value and _FORMULA.match(value) else value


def _parquet(table: pa.Table) -> bytes:
    out = io.BytesIO()
    pq.write_table(table, out, compression="zstd")
    return out.getvalue()


def _zipped(library: Library, originals: Originals, table: pa.Table) -> IO[bytes]:
    """A file of the pictures with `metadata.csv`; where an original is gone, its thumbnail."""
    file = tempfile.SpooledTemporaryFile(max_size=16 << 20)  # noqa: SIM115  (closed when sent)
    try:
        left, names = _MOST_BYTES, set[str]()
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as packed:
            packed.writestr("metadata.csv", _csv(table))
            for photo_id in table["photo_id"].to_pylist():
                photo = library.photo(photo_id)
                try:
                    with originals.open(photo) as original:
                        kind = original.kind
                        if original.size > left:
                            raise UsageError("the pictures take more than 2 GB; pick fewer")
                        data = original.read()
                except NoOriginal:
                    data = library.thumbnails([photo_id]).get(photo_id, b"")
                    kind = "JPEG" if data.startswith(b"\xff\xd8") else "WEBP"
                if data:
                    left -= len(data)
                    packed.writestr(_name(photo_id, kind, names), data)
        return file
    except BaseException:
        file.close()
        raise


def _name(photo_id: str, kind: str, taken: set[str]) -> str:
    """A name that leads nowhere, whatever the photo's id is, and stands once."""
    stem = re.sub(r"[^\w.-]+|\.{2,}", "_", photo_id, flags=re.ASCII).strip("._")[:100] or "photo"
    suffix = _SUFFIXES.get(kind, kind.lower())
    name, number = f"photos/{stem}.{suffix}", 1
    while name.lower() in taken:
        number += 1
        name = f"photos/{stem}-{number}.{suffix}"
    taken.add(name.lower())
    return name


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        file.seek(0)
        while part := file.read(_CHUNK):
            yield part
