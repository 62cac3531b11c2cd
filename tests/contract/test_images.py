"""`/images/PHOTO_ID` over HTTP on loopback: real library, real files, real client."""

from __future__ import annotations

import base64
import csv
import datetime as dt
import io
import os
from collections.abc import Iterator
from email.utils import format_datetime, parsedate_to_datetime
from pathlib import Path
from urllib.parse import quote

import httpx
import numpy as np
import pytest
from PIL import Image

import vistazo
from conftest import paint
from fakes import DIM, ColourEncoder
from vistazo.datasets.build import BuildPlan
from vistazo.ingest.decode import thumbnail
from vistazo.records import Photo
from vistazo.store.store import NewPhoto
from vistazo.web.door import Entry
from web_application import served_web

# Ids that a path must not lose: what quoting, paths, HTTP and SQL read as something else.
ODD_IDS = [
    "a/b",
    "100%",
    "%2F",
    "sp ace",
    "q?w=1",
    "h#sh",
    "ñandú 写真",
    "it's",
    'd"q',
    "b\\s",
    "a+b",
]
SIZES = {"wide.jpg": (1200, 800), "tall.png": (300, 900), "small.webp": (40, 30)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    rows = [("file", "photo_id")]
    for name, size in SIZES.items():
        paint(folder / name, "red", size)
        rows.append((name, name.partition(".")[0]))
    for number, photo_id in enumerate(ODD_IDS):
        paint(folder / f"odd{number}.png", "blue", (20 + number, 20))
        rows.append((f"odd{number}.png", photo_id))
    for name in ("phone.heic", "scan.tiff", "photo.avif", "move.gif", "old.bmp"):
        paint(folder / name, "green")
        rows.append((name, name.partition(".")[0]))
    turned = Image.new("RGB", (600, 400), "navy")
    exif = Image.Exif()
    exif[0x0112] = 6
    turned.save(folder / "turned.jpg", exif=exif)
    Image.new("RGBA", (100, 100), (0, 0, 0, 0)).save(folder / "clear.png")
    for name in ("turned.jpg", "clear.png"):
        rows.append((name, name.partition(".")[0]))
    for name in ("gone", "changed", "piped", "linked"):
        paint(folder / f"{name}.jpg", "orange", (640, 480))
        rows.append((f"{name}.jpg", name))
    with (folder / "captions.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return folder


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory, folder: Path) -> Iterator[vistazo.Library]:
    path = tmp_path_factory.mktemp("library") / "library"
    with vistazo.open(path, encoder=ColourEncoder()) as opened:
        report = opened.index(folder)
        assert (report.failed, report.added) == (0, len(list(folder.iterdir())) - 1)
        yield opened


@pytest.fixture(scope="module")
def client(library: vistazo.Library) -> Iterator[httpx.Client]:
    with served_web(library) as url, httpx.Client(base_url=url, timeout=30) as client:
        yield client


def put(library: vistazo.Library, photo_id: str, url: str, small: bytes = b"", **facts: object):
    """A row as another source, or a person who may write, would make it."""
    vector = np.eye(DIM, dtype=np.float32)[0]
    photo = Photo(photo_id, url, 400, 300, **facts)  # type: ignore[arg-type]
    library._store.replace([NewPhoto(photo, vector, small)])


def image(response: httpx.Response) -> Image.Image:
    assert response.status_code == 200, response.text
    return Image.open(io.BytesIO(response.content))


def error(response: httpx.Response, status: int) -> dict[str, str]:
    assert response.status_code == status
    assert response.headers["content-type"] == "application/json"
    body = response.json()
    assert body.keys() == {"error"}
    assert body["error"].keys() == {"code", "message"}
    assert body["error"]["message"].isprintable()
    found: dict[str, str] = body["error"]
    return found


def test_health(client: httpx.Client) -> None:
    answer = client.get("/healthz")
    assert answer.json() == {"status": "ok", "version": vistazo.__version__}


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("wide.jpg", "image/jpeg"),
        ("tall.png", "image/png"),
        ("small.webp", "image/webp"),
        ("photo.avif", "image/avif"),
        ("phone.heic", "image/heic"),
        ("scan.tiff", "image/tiff"),
        ("move.gif", "image/gif"),
        ("old.bmp", "image/bmp"),
    ],
)
def test_without_parameters_it_is_the_file(
    client: httpx.Client, folder: Path, name: str, media_type: str
) -> None:
    data = (folder / name).read_bytes()
    address = f"/images/{name.partition('.')[0]}"
    for query in ("", "?ixid=abc&auto=format&w="):
        answer = client.get(address + query)
        assert answer.status_code == 200
        assert answer.content == data
    assert answer.headers["content-type"] == media_type
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "max-age" in answer.headers["cache-control"]
    head = client.head(address)
    assert head.content == b""
    same = ("content-type", "content-length", "etag", "last-modified", "accept-ranges")
    assert [head.headers[name] for name in same] == [answer.headers[name] for name in same]


@pytest.mark.parametrize("photo_id", ODD_IDS)
def test_any_id_is_found_under_the_address_a_dataset_gives_it(
    client: httpx.Client, photo_id: str
) -> None:
    shown = image(client.get("/images/" + quote(photo_id, safe="")))
    assert shown.size == (20 + ODD_IDS.index(photo_id), 20)


def test_addresses_of_a_built_dataset_open(
    library: vistazo.Library, folder: Path, client: httpx.Client, tmp_path: Path
) -> None:
    import pyarrow.parquet as pq

    plan = BuildPlan(limit=0, image_base_url=str(client.base_url))
    library.build_dataset(folder, tmp_path, plan)
    rows = pq.read_table(tmp_path / "photos.parquet").to_pylist()
    assert {row["photo_id"] for row in rows} >= {*ODD_IDS, "wide", "phone"}
    for row in rows:
        small = image(client.get(row["photo_image_url"] + "?q=75&fm=jpg&w=200&fit=max"))
        assert small.format == "JPEG"
        assert small.width <= 200


@pytest.mark.parametrize(
    ("address", "kind", "size"),
    [
        ("wide?q=75&fm=jpg&w=200&fit=max", "JPEG", (200, 133)),
        ("wide?w=200", "JPEG", (200, 133)),
        ("wide?h=100", "JPEG", (150, 100)),
        ("wide?w=300&h=300", "JPEG", (300, 200)),
        ("wide?w=5000", "JPEG", (1200, 800)),
        ("wide?w=200&h=200&fit=crop", "JPEG", (200, 200)),
        ("wide?w=2000&h=2000&fit=crop", "JPEG", (800, 800)),
        ("wide?w=200&fit=crop", "JPEG", (200, 133)),
        ("wide?fm=png", "PNG", (1200, 800)),
        ("wide?fm=webp&w=64", "WEBP", (64, 43)),
        ("wide?fm=avif&w=64", "AVIF", (64, 43)),
        ("wide?q=5", "JPEG", (1200, 800)),
        ("tall?w=100", "PNG", (100, 300)),
        ("tall?w=100&fm=jpeg", "JPEG", (100, 300)),
        ("small?w=320&h=320&fit=max", "WEBP", (40, 30)),
        ("turned?w=100", "JPEG", (100, 150)),
        ("turned?w=1000", "JPEG", (400, 600)),
        ("phone?w=24", "JPEG", (24, 16)),
        ("scan?w=1", "JPEG", (1, 1)),
    ],
)
def test_a_shape(client: httpx.Client, address: str, kind: str, size: tuple[int, int]) -> None:
    shown = image(client.get(f"/images/{address}"))
    assert (shown.format, shown.size) == (kind, size)


def test_crop_takes_the_middle(
    library: vistazo.Library, client: httpx.Client, tmp_path: Path
) -> None:
    striped = Image.new("RGB", (900, 300), "red")
    striped.paste("blue", (300, 0, 600, 300))
    striped.save(tmp_path / "striped.png")
    library.index(tmp_path)
    photo_id = library.sql("SELECT photo_id FROM photos WHERE file_stem = 'striped'")[0][0].as_py()
    middle = image(client.get(f"/images/{photo_id}?w=100&h=100&fit=crop"))
    assert middle.size == (100, 100)
    assert np.asarray(middle.convert("RGB"))[:, 2:-2].min(axis=(0, 1)).tolist() == [0, 0, 255]


def test_quality_and_transparency(client: httpx.Client) -> None:
    clear = image(client.get("/images/clear?fm=jpg"))
    assert clear.getpixel((50, 50)) == (255, 255, 255)
    assert image(client.get("/images/wide?w=10&q=75")).getpixel((5, 3)) == pytest.approx(
        (254, 0, 0), abs=2
    )


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("q=0", "q must be a whole number from 1, not '0'"),
        ("q=101", "q must be a whole number from 1 to 100, not 101"),
        ("w=-5", "w must be"),
        ("w=1.5", "w must be"),
        ("w=٣", "w must be"),
        ("h=9999999999999", "h must be"),
        ("fm=svg", "fm must be jpg, png, webp, avif, not 'svg'"),
        ("fit=fill&w=3", "fit must be max or crop, not 'fill'"),
    ],
)
def test_what_makes_no_sense_is_refused(client: httpx.Client, query: str, said: str) -> None:
    found = error(client.get(f"/images/wide?{query}"), 400)
    assert found["code"] == "usage"
    assert said in found["message"]


@pytest.mark.parametrize(
    "photo_id", ["nobody", "", "..%2F..%2Fetc%2Fpasswd", "%00", "a%0Ab", "%FF", "' OR 1=1 --"]
)
def test_unknown_ids(client: httpx.Client, photo_id: str) -> None:
    assert error(client.get(f"/images/{photo_id}"), 404)["code"] == "photo-not-found"


def test_the_description(client: httpx.Client) -> None:
    paths = client.get("/api/v1/openapi.json").json()["paths"]
    assert [*paths["/images/{photo_id}"]] == ["get"]
    assert [*paths["/healthz"]] == ["get"]


def test_other_paths_and_methods(client: httpx.Client) -> None:
    assert error(client.get("/nothing"), 404)["code"] == "not-found"
    assert error(client.post("/images/wide"), 405)["code"] == "method-not-allowed"


@pytest.mark.parametrize("query", ["", "?w=100"])
def test_what_a_client_has_is_not_sent_again(client: httpx.Client, query: str) -> None:
    first = client.get(f"/images/wide{query}")
    tag = first.headers["etag"]
    for had in (tag, f'W/{tag}, "other"', "*"):
        again = client.get(f"/images/wide{query}", headers={"If-None-Match": had})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == tag
    other = client.get(f"/images/wide{query}", headers={"If-None-Match": '"other"'})
    assert other.content == first.content
    assert client.get("/images/wide?w=101").headers["etag"] != tag


def test_since_when(client: httpx.Client, folder: Path) -> None:
    moment = client.get("/images/wide").headers["last-modified"]
    changed = dt.datetime.fromtimestamp(int((folder / "wide.jpg").stat().st_mtime), dt.UTC)
    assert parsedate_to_datetime(moment) == changed
    earlier = format_datetime(changed - dt.timedelta(seconds=1), usegmt=True)
    for since, status in ((moment, 304), (earlier, 200), ("yesterday", 200)):
        answer = client.get("/images/wide", headers={"If-Modified-Since": since})
        assert answer.status_code == status


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [("0-99", 0, 100), ("100-", 100, None), ("-50", -50, None), ("0-99999999", 0, None)],
)
def test_a_part(
    client: httpx.Client, folder: Path, asked: str, start: int, end: int | None
) -> None:
    data = (folder / "wide.jpg").read_bytes()
    answer = client.get("/images/wide", headers={"Range": f"bytes={asked}"})
    assert answer.status_code == 206
    assert answer.content == data[start:end]
    first = start % len(data)
    last = first + len(answer.content) - 1
    assert answer.headers["content-range"] == f"bytes {first}-{last}/{len(data)}"


def test_odd_parts(client: httpx.Client, folder: Path) -> None:
    size = len((folder / "wide.jpg").read_bytes())
    for asked in ("bytes=5-2", "bytes=0-1,3-4", "lines=1-2", "bytes=-", "bytes=x"):
        answer = client.get("/images/wide", headers={"Range": asked})
        assert (answer.status_code, len(answer.content)) == (200, size)
    behind = client.get("/images/wide", headers={"Range": f"bytes={size}-"})
    assert error(behind, 416)["code"] == "range"
    assert behind.headers["content-range"] == f"bytes */{size}"
    stale = client.get("/images/wide", headers={"Range": "bytes=0-9", "If-Range": '"other"'})
    assert (stale.status_code, len(stale.content)) == (200, size)


def test_a_file_that_is_gone(client: httpx.Client, folder: Path) -> None:
    assert image(client.get("/images/gone?w=100")).size == (100, 75)
    (folder / "gone.jpg").unlink()
    assert image(client.get("/images/gone?w=100")).size == (100, 75)
    assert image(client.get("/images/gone?w=320&fm=webp")).size == (320, 240)
    for query in ("", "?w=321", "?fm=png"):
        found = error(client.get(f"/images/gone{query}"), 404)
        assert found["code"] == "photo-file"
        assert "photo 'gone' does not exist any more" in found["message"]


def test_a_file_that_is_another_one_by_now(client: httpx.Client, folder: Path) -> None:
    path = folder / "changed.jpg"
    size = path.stat().st_size
    for data in (b"other", b"\xff\xd8\xff" + bytes(size - 3)):
        path.write_bytes(data)
        assert "has changed" in error(client.get("/images/changed"), 404)["message"]
        assert image(client.get("/images/changed?w=90")).size == (90, 68)  # of the thumbnail
    # A later change under the same size and time is noticed too.
    path = folder / "wide.jpg"
    data, before = path.read_bytes(), path.stat()
    path.write_bytes(data[:-1] + b"x")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert "has changed" in error(client.get("/images/wide"), 404)["message"]
    path.write_bytes(data)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert client.get("/images/wide").content == data


def test_a_pipe_or_a_folder_in_its_place(client: httpx.Client, folder: Path) -> None:
    path = folder / "piped.jpg"
    path.unlink()
    os.mkfifo(path)
    assert "has changed" in error(client.get("/images/piped"), 404)["message"]
    path.unlink()
    path.mkdir()
    assert "has changed" in error(client.get("/images/piped"), 404)["message"]


def test_a_link_leads_to_nothing_but_what_was_indexed(
    client: httpx.Client, folder: Path, tmp_path: Path
) -> None:
    path = folder / "linked.jpg"
    path.rename(tmp_path / "kept.jpg")
    path.symlink_to("/etc/hostname")
    assert error(client.get("/images/linked"), 404)["code"] == "photo-file"
    path.unlink()
    path.symlink_to(tmp_path / "kept.jpg")
    assert client.get("/images/linked").content == (tmp_path / "kept.jpg").read_bytes()


def test_a_row_that_somebody_wrote_shows_no_other_file(
    library: vistazo.Library, client: httpx.Client, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"the password")
    known = library.photo("small")
    put(library, "text", secret.as_uri(), size_bytes=12, content_hash="0" * 32)
    put(library, "bare", paint(tmp_path / "other.png", "red").as_uri())
    put(library, "borrowed", secret.as_uri(), size_bytes=12, content_hash=known.content_hash)
    for photo_id in ("text", "bare", "borrowed"):
        assert error(client.get(f"/images/{photo_id}"), 404)["code"] == "photo-file"
        assert b"password" not in client.get(f"/images/{photo_id}?fm=png").content


def test_photos_of_the_web(library: vistazo.Library, client: httpx.Client) -> None:
    address = "https://images.unsplash.com/photo-1"
    small = thumbnail(Image.new("RGB", (320, 240), "teal"))
    put(library, "web", address, small, content_hash="1" * 32)
    put(library, "unseen", address)
    put(library, "other", "http://photos.example.org/1.jpg?sig=1")
    for _ in range(2):
        shown = client.get("/images/web?w=200&fm=jpg")
        assert image(shown).size == (200, 150)
        had = {"If-None-Match": shown.headers["etag"]}
        assert client.get("/images/web?w=200&fm=jpg", headers=had).status_code == 304
    for path, target in {
        "web": address,
        "web?w=800&q=80&dpr=2": f"{address}?q=80&w=800",
        "unseen?w=200&fit=max": f"{address}?w=200&fit=max",
        "other?w=800": "http://photos.example.org/1.jpg?sig=1",
    }.items():
        answer = client.get(f"/images/{path}")
        assert (answer.status_code, answer.headers["location"]) == (302, target)


def test_an_address_that_leads_back_here(library: vistazo.Library, client: httpx.Client) -> None:
    put(library, "loop", f"{str(client.base_url).rstrip('/')}/images/loop")
    put(library, "script", "javascript:alert(1)")
    for photo_id in ("loop", "script"):
        assert error(client.get(f"/images/{photo_id}"), 404)["code"] == "photo-file"


def test_a_picture_with_too_many_pixels(library: vistazo.Library, folder: Path) -> None:
    from vistazo.config import Settings

    with served_web(library, settings=Settings(max_pixels=100_000)) as url:
        found = error(httpx.get(f"{url}/images/wide?w=600"), 422)
        assert found["code"] == "too-many-pixels"
        assert image(httpx.get(f"{url}/images/small?w=20")).size == (20, 15)


def test_many_at_once(client: httpx.Client) -> None:
    from concurrent.futures import ThreadPoolExecutor

    def size(width: int) -> tuple[int, int]:
        return image(client.get(f"/images/wide?w={width}&fm=jpg")).size

    with ThreadPoolExecutor(16) as pool:
        widths = [*range(20, 60), *range(20, 60)]
        assert [found[0] for found in pool.map(size, widths)] == widths


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:8000", 200),
        ("127.0.0.1", 200),
        ("[::1]:9", 200),
        ("app.localhost", 200),
        ("evil.example", 421),
        ("127.0.0.1.evil.example:8000", 421),
        ("localhost.evil.example", 421),
        ("10.0.0.1", 421),
    ],
)
def test_the_names_that_are_answered(client: httpx.Client, host: str, status: int) -> None:
    answer = client.get("/images/wide", headers={"Host": host})
    assert answer.status_code == status
    if status == 421:
        assert error(answer, 421)["code"] == "host"


def test_a_token(library: vistazo.Library) -> None:
    def basic(text: str) -> str:
        return "Basic " + base64.b64encode(text.encode()).decode()

    with served_web(library, Entry(local_only=False, token="s3cret-tokén")) as url:
        refused = ["", "Bearer other", basic("any:other"), basic("s3cret-tokén"), "Basic %%%", "X"]
        for given in refused:
            answer = httpx.get(f"{url}/images/wide", headers={"Authorization": given})
            assert error(answer, 401)["code"] == "token"
            assert answer.headers["www-authenticate"].startswith("Basic ")
        headers = {"Host": "photos.example.org", "Authorization": basic("any:s3cret-tokén")}
        assert httpx.get(f"{url}/images/wide", headers=headers).status_code == 200
        assert httpx.get(f"{url}/healthz").status_code == 200
