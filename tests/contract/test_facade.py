"""One library, asked in this process and through its server: the same answers, the same errors."""

from __future__ import annotations

import dataclasses
import math
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trustme
from PIL import Image

import vistazo
from conftest import COLOURS, paint
from fakes import ColourEncoder
from loopback import served
from vistazo import Query
from vistazo.errors import (
    AccessDenied,
    InvalidFilter,
    InvalidQuery,
    InvalidSQL,
    ServerError,
    SourceError,
    StoreError,
    Unsupported,
    UsageError,
    VistazoError,
)
from vistazo.facade import Facade
from vistazo.web.door import Entry
from web_application import served_web

OWNER = "the owner's token"
STRAY = "b/stray \udcff.png"  # a name that is not UTF-8


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    for name, colour in COLOURS.items():
        paint(folder / name, colour)
    paint(folder / STRAY, "orange")
    (folder / "broken.jpg").write_bytes(b"no picture")
    (folder / "captions.tsv").write_text(
        "file\tcaption\tauthor\tdate\tlicence\n"
        "b/navy.jpg\tNight <b>über</b> 写真\tAna\t2019-05-31\tCC0\n"
        "a/red.jpg\tRed wall\tBo\t2020-01-02\tCC0\n"
    )
    return folder


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory, pictures: Path) -> Iterator[Facade]:
    folder = tmp_path_factory.mktemp("facade")
    with vistazo.open(folder / "library", encoder=ColourEncoder()) as library:
        report = library.index(pictures)
        assert (report.added, report.failed) == (13, 1)
        ids = {Path(hit.uri).stem: hit.photo_id for hit in library.search("red", k=13)}
        lines = ["converted_at\tphoto_id\tkeyword\tconversion_country"]
        for number in range(60):
            at = f"2024-{1 + number % 3:02}-{1 + number % 28:02} 10:00:00"
            stem = ("red", "crimson", "navy")[number % 3]
            word = ("sunset", "rose", "sea", "night")[number % 4]
            lines.append(f"{at}\t{ids[stem]}\t{word}\t{('ES', 'US', '')[number % 3]}")
        lines += [f"2024-03-28 11:00:00\t{ids['red']}\tfire\tES"] * 30
        (folder / "log.tsv").write_text("\n".join(lines) + "\n")
        assert library.load_conversions(folder / "log.tsv").rows == 90
        # Both must ask the same path: the database and memory differ in a score's last digit.
        assert isinstance(library, vistazo.Library)
        while library.paging.find(RED).path != "resident":
            library._resident.wait(30)
        yield library


@pytest.fixture(scope="module")
def url(local: Facade) -> Iterator[str]:
    entry = Entry(owner=OWNER)
    with served_web(local, entry) as url:
        yield url


@pytest.fixture(scope="module")
def remote(url: str) -> Iterator[Facade]:
    with vistazo.open(url, token=OWNER) as library:
        assert isinstance(library, vistazo.RemoteLibrary)
        yield library


def id_of(library: Facade, stem: str) -> str:
    rows = library.sql("SELECT photo_id FROM photos WHERE file_stem = {s:String}", {"s": stem})
    photo_id: str = rows.to_pylist()[0]["photo_id"]
    return photo_id


def plain(answer: Any) -> Any:
    """Something that equals its like: NaN is not itself."""
    if isinstance(answer, float) and math.isnan(answer):
        return "NaN"
    if dataclasses.is_dataclass(answer) and not isinstance(answer, type):
        fields = {
            each.name: plain(getattr(answer, each.name)) for each in dataclasses.fields(answer)
        }
        return type(answer).__name__, fields
    if isinstance(answer, dict):
        return {key: plain(value) for key, value in answer.items()}
    if isinstance(answer, (list, tuple)):
        return type(answer).__name__, [plain(each) for each in answer]
    return answer


RED = Query(text="red", k=4)
ASKS: dict[str, Callable[[Facade], Any]] = {
    "text": lambda lib: lib.search("red", k=5),
    "everything": lambda lib: lib.search("blue", k=100_000),
    "k of NumPy": lambda lib: lib.search("red", k=np.int64(3)),  # type: ignore[arg-type]
    "filter": lambda lib: lib.search("red", k=13, where="format = jpeg and not photographer = Ana"),
    "words": lambda lib: lib.search("wall nights", k=9, mode="words"),
    "little weight of words": lambda lib: lib.search("night", k=9, words_weight=0.1),
    "popular": lambda lib: lib.search("blue", k=5, popular=0.6, half_life_days=30.0),
    "popular for words": lambda lib: lib.search("rose", popular=0.5, popular_for="words"),
    "popular like": lambda lib: lib.similar(id_of(lib, "red"), 5, popular=0.7, cut=False),
    "demand of words": lambda lib: lib.demand(Query(text="night", k=4, mode="words")),
    "nothing": lambda lib: lib.search("red", where="width > 10000"),
    "bytes": lambda lib: lib.search(image=(_picture()), k=3),
    "PIL": lambda lib: lib.search(image=Image.new("RGBA", (9, 9), "navy"), k=3),
    "vector": lambda lib: lib.find(Query(vector=ColourEncoder().encode_texts(["lime"])[0], k=3)),
    "similar": lambda lib: lib.similar(id_of(lib, "red"), 13),
    "similar, filtered": lambda lib: lib.similar(id_of(lib, "red"), 3, where="format = png"),
    "a sum": lambda lib: lib.search("2:red + blue -white", k=5),
    "a sum with a photo": lambda lib: lib.search(f"#{id_of(lib, 'red')} + 0.2:navy", k=13),
    "a photo": lambda lib: lib.search(f"#{id_of(lib, 'red')}", k=3),
    "a hashtag": lambda lib: lib.search("#sunset", k=3),
    "a sum with a file": lambda lib: lib.search(f"image:{_file()} + 0.5:navy", k=3),
    "words with filters": lambda lib: lib.search("red format:jpeg -photographer:ana", k=13),
    "only filters": lambda lib: lib.search("format:png", k=13),
    "demand for a sum": lambda lib: lib.demand(Query(text="red + gold width:>1", k=4)),
    "likes": lambda lib: lib.search("blue", like=[id_of(lib, "red")], dislike=[id_of(lib, "sky")]),
    "only likes": lambda lib: lib.search(like=[id_of(lib, "red"), id_of(lib, "gold")], k=4),
    "variety without copies": lambda lib: lib.search("red", k=9, fold=True, diverse=0.4),
    "duplicates": lambda lib: lib.duplicates(where="width > 1"),
    "evaluation": lambda lib: lib.evaluate(_labels(lib)),
    "evaluation of a column": lambda lib: lib.evaluate(_labels(lib), column="said"),
    "evaluation as it searches": lambda lib: lib.evaluate(
        _labels(lib), among="library", search=True, depth=2
    ),
    "map": lambda lib: lib.map(themes=3),
    "map of a filter": lambda lib: lib.map(where="format = png", limit=2),
    "photo": lambda lib: lib.photo(id_of(lib, "navy")),
    "photo without a date": lambda lib: lib.photo(id_of(lib, "white")),
    "stray bytes": lambda lib: [h for h in lib.search("orange", k=13) if "stray" in h.uri],
    "thumbnails": lambda lib: lib.thumbnails([id_of(lib, "red"), "x", id_of(lib, "sky")]),
    "thumbnails of hits": lambda lib: lib.search("red", k=13).thumbnails(),
    "demand": lambda lib: lib.demand(RED),
    "demand for an image": lambda lib: lib.demand(Query(image=_picture(), k=4)),
    "no demand": lambda lib: lib.demand(Query(text="red", where="file = white")),
    "all downloads": lambda lib: _questions(lib, None),
    "downloads": lambda lib: _questions(lib, RED),
    "downloads of an image": lambda lib: _questions(lib, Query(image=_picture(), k=2)),
    "failures": lambda lib: lib.failures(),
    "stats": lambda lib: lib.stats(),
    "index status": lambda lib: lib.index_status(),
    "wait for index": lambda lib: lib.wait_for_index(0.1),
    "encoder": lambda lib: lib.encoder,
    "notice": lambda lib: lib.encoder_notice,
    "choice": lambda lib: lib.encoder_choice(),
    "path": lambda lib: lib.path,
}


def _picture() -> bytes:
    import io

    file = io.BytesIO()
    Image.new("RGB", (640, 700), "tomato").save(file, "PNG")
    return file.getvalue()


def _file() -> Path:
    path = Path(tempfile.gettempdir()) / "vistazo-test-tomato.png"
    path.write_bytes(_picture())
    return path


def _labels(library: Facade) -> Path:
    """Texts of three pictures, the last of which is not found first."""
    path = Path(tempfile.gettempdir()) / "vistazo-test-labels.tsv"
    rows = [("red", "red", "crimson"), ("navy", "navy", "sea"), ("crimson", "red", "rose")]
    lines = [f"{id_of(library, stem)}\t{text}\t{said}" for stem, text, said in rows]
    path.write_text("\n".join(["photo_id\tcaption\tsaid", *lines]) + "\n")
    return path


def _questions(library: Facade, query: Query | None) -> list[Any]:
    found = library.downloads(query)
    return [
        found.total(),
        found.top_keywords(),
        found.top_keywords(2),
        found.by_country(),
        found.by_month(),
        found.rising(days=30, limit=5),
        found.mismatches(3),
    ]


@pytest.mark.parametrize("ask", ASKS.values(), ids=ASKS.keys())
def test_the_same_answer(local: Facade, remote: Facade, ask: Callable[[Facade], Any]) -> None:
    here = plain(ask(local))
    assert plain(ask(remote)) == here


def test_the_answers_are_not_empty(remote: Facade) -> None:
    hits = remote.search("red", k=3)
    assert [Path(hit.uri).stem for hit in hits] == ["red", "crimson", "tomato"]
    assert hits[0].score == pytest.approx(1, abs=1e-3)
    assert all(_questions(remote, None))
    assert all(_questions(remote, RED))
    assert any("\udcff" in hit.uri for hit in remote.search("orange", k=13))
    assert [each.code for each in remote.failures()] == ["not-an-image"]
    assert remote.demand(RED).most_popular is not None
    found = remote.evaluate(_labels(remote))
    assert (found.texts, found.photos, found.model["name"]) == (3, 3, "colours")
    assert found.measures["image_retrieval"]["mrr"]["value"] == pytest.approx((1 + 1 + 1 / 2) / 3)


def test_random(local: Facade, remote: Facade) -> None:
    everything = {hit.photo_id: plain(hit) for hit in local.random(13)}
    assert {hit.photo_id: plain(hit) for hit in remote.random(100)} == everything
    (one,) = remote.random()
    assert plain(one) == everything[one.photo_id]
    assert len(remote.random(9, where="format = PNG")) == len(local.random(9, where="format = PNG"))


def test_hits_show_themselves(remote: Facade, tmp_path: Path) -> None:
    hits = remote.search("red", k=3)
    assert isinstance(hits[:2], vistazo.Hits)
    saved = hits.grid(columns=3).save(tmp_path / "hits.png")
    assert saved.read_bytes().startswith(b"\x89PNG")


WRONG: dict[str, Callable[[Facade], Any]] = {
    "nothing asked": lambda lib: lib.search(),
    "two things asked": lambda lib: lib.search("red", image=b"x"),
    "empty text": lambda lib: lib.search(" \t"),
    "a sum without an end": lambda lib: lib.search("red +"),
    "a filter in words": lambda lib: lib.search("red width:>wide"),
    "only what is not wanted": lambda lib: lib.search("-red"),
    "nothing is left": lambda lib: lib.search("red -red"),
    "a picture that is not there": lambda lib: lib.search("./no-such.png + red"),
    "a photo that is not there": lambda lib: lib.search("#nowhere + red"),
    "demand of filters": lambda lib: lib.demand(Query(text="format:png")),
    "liked and disliked": lambda lib: lib.search("a", like=["x"], dislike=["x"]),
    "liked but not there": lambda lib: lib.search("red", like=["x"]),
    "too various": lambda lib: lib.search("red", diverse=2),
    "too many themes": lambda lib: lib.map(themes=100),
    "a map of no filter": lambda lib: lib.map(where="bogus = 3"),
    "duplicates of a filter": lambda lib: lib.duplicates(where="bogus = 3"),
    "no set": lambda lib: lib.evaluate("/no/such.tsv"),
    "a picture for a set": lambda lib: lib.evaluate(_file()),
    "a column that a set lacks": lambda lib: lib.evaluate(_labels(lib), column="bogus"),
    "places of a set": lambda lib: lib.evaluate(_labels(lib), search=True),
    "among none": lambda lib: lib.evaluate(_labels(lib), among="all"),
    "depth of no kind": lambda lib: lib.evaluate(_labels(lib), depth="3"),  # type: ignore[arg-type]
    "no image": lambda lib: lib.search(image=b"no picture"),
    "an image of no kind": lambda lib: lib.search(image=7),
    "an image that is not there": lambda lib: lib.search(image="/no/such.png"),
    "filter": lambda lib: lib.search("red", where="width >"),
    "filter's field": lambda lib: lib.random(where="format = png and bogus = 3"),
    "filter of downloads": lambda lib: lib.downloads(Query(text="red", where="width >")),
    "photo": lambda lib: lib.photo("x"),
    "similar": lambda lib: lib.similar("x"),
    "limit": lambda lib: lib.downloads().top_keywords(0),
    "limit of no kind": lambda lib: lib.downloads().mismatches("3"),  # type: ignore[arg-type]
    "days": lambda lib: lib.downloads().rising(days=99_999),
    "column": lambda lib: lib.sql("SELECT nonsense FROM photos"),
    "syntax": lambda lib: lib.sql("SELECT FROM WHERE"),
    "two columns of a name": lambda lib: lib.sql("SELECT 1 AS a, 2 AS a"),
    "parameter": lambda lib: lib.sql("SELECT {a:UInt8}"),
    "writing": lambda lib: lib.sql("CREATE TABLE t (a UInt8) ENGINE = Memory"),
    "no folder": lambda lib: lib.index("/no/such/folder"),
    "no log": lambda lib: lib.load_conversions("/no/such.tsv"),
    "limit of a run": lambda lib: lib.index("/", limit=0),
    **{
        f"k = {k!r}": lambda lib, k=k: lib.search("red", k=k)
        for k in (0, -3, 100_001, 10**30, 1.5, "3", True, None)
    },
}


@pytest.mark.parametrize("ask", WRONG.values(), ids=WRONG.keys())
def test_the_same_error(local: Facade, remote: Facade, ask: Callable[[Facade], Any]) -> None:
    with pytest.raises(VistazoError) as here:
        ask(local)
    with pytest.raises(VistazoError) as there:
        ask(remote)
    assert (type(there.value), str(there.value)) == (type(here.value), str(here.value))
    if isinstance(here.value, (InvalidFilter, InvalidQuery)):
        assert there.value.position == here.value.position  # type: ignore[attr-defined]
    if isinstance(here.value, StoreError):
        assert there.value.engine_code == here.value.engine_code  # type: ignore[attr-defined]


SQL: dict[str, tuple[str, dict[str, Any]]] = {
    "embed": (
        "SELECT file_stem, distance(photo_embed, embed('red')) AS d FROM photos"
        " WHERE format = {f:String} ORDER BY d, file_stem LIMIT 3",
        {"f": "JPEG"},
    ),
    "types": (
        "SELECT 1 AS a, -2.5 AS b, 'é' AS c, toDate('2024-05-06') AS d, [1, 2] AS e,"
        " map('a', 'b') AS f, NULL AS g, toUInt64(18446744073709551615) AS h, now64(3) > 0 AS i,"
        " toDecimal64(1.5, 2) AS j, (1, 'x') AS k",
        {},
    ),
    "list": ("SELECT {a:Array(UInt32)} AS a, {b:Array(String)} AS b", {"a": [1, 2], "b": ["x'"]}),
    "array": ("SELECT {v:Array(Float32)} AS v", {"v": np.array([0.5, 2], np.float32)}),
    "no rows": ("SELECT photo_id, width FROM photos WHERE width > 100000", {}),
    "a column that is a map": ("SELECT attributes FROM photos ORDER BY photo_id", {}),
}


@pytest.mark.parametrize(("query", "params"), SQL.values(), ids=SQL.keys())
def test_the_same_rows(local: Facade, remote: Facade, query: str, params: dict[str, Any]) -> None:
    here, there = local.sql(query, params), remote.sql(query, params)
    assert there.schema.equals(here.schema)
    assert there.equals(here)


def test_sql_that_writes(local: Facade, remote: Facade) -> None:
    version = local.sql("SELECT sum(n) FROM changes").to_pylist()
    assert remote.sql("CREATE TABLE notes (n UInt8) ENGINE = Memory", write=True).num_rows == 0
    remote.sql("INSERT INTO notes VALUES (1), (2)", write=True)
    assert remote.sql("SELECT sum(n) AS s FROM notes", write=True).to_pylist() == [{"s": 3}]
    assert local.sql("SELECT sum(n) FROM changes").to_pylist() != version
    remote.sql("DROP TABLE notes", write=True)


def test_who_shows_no_token_reads_only(url: str, pictures: Path) -> None:
    with vistazo.open(url) as reader:
        assert len(reader.search("red", k=3)) == 3
        assert reader.sql("SELECT count() AS n FROM photos").to_pylist() == [{"n": 13}]
        for change in (
            lambda: reader.sql("DROP TABLE photos", write=True),
            lambda: reader.index(pictures),
            lambda: reader.load_conversions(pictures / "captions.tsv"),
            lambda: reader.evaluate(pictures / "captions.tsv"),
        ):
            with pytest.raises(AccessDenied, match="owner's token"):
                change()
        with pytest.raises(InvalidSQL):
            reader.sql("SELECT * FROM file('/etc/passwd', 'RawBLOB')")
        with pytest.raises(InvalidSQL, match="more than 100,000 rows: add a LIMIT"):
            reader.sql("SELECT p.photo_id FROM photos AS p, numbers(20000) AS n")
    with vistazo.open(url, token="a wrong token") as stranger, pytest.raises(AccessDenied):
        stranger.index(pictures)


def test_a_server_that_wants_a_token(local: Facade, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VISTAZO_TOKEN", raising=False)
    with served_web(local, Entry(token="correct horse")) as url:
        with pytest.raises(AccessDenied, match=f"^the server {url} asks for a token: give the one"):
            vistazo.open(url)
        with pytest.raises(AccessDenied, match="does not take this token"):
            vistazo.open(url, token="wrong horse")
        with vistazo.open(url, token="correct horse") as library:
            assert library.stats().photos == 13
        monkeypatch.setenv("VISTAZO_TOKEN", "correct horse")
        with vistazo.open(url) as library:
            assert library.search("red", k=1)
        monkeypatch.delenv("VISTAZO_TOKEN")
        with vistazo.open(url.replace("//", "//me:correct%20horse@")) as library:
            assert "horse" not in repr(library.address)  # type: ignore[attr-defined]
            assert library.search("red", k=1)


def test_indexing_with_progress(remote: Facade, local: Facade, tmp_path: Path) -> None:
    for number in range(5):
        paint(tmp_path / "more" / f"grey{number}.png", "gray", size=(20 + number, 20))
    seen = []
    report = remote.index(tmp_path / "more", on_progress=seen.append, limit=3)
    assert (report.added, report.failed, report.unchanged) == (3, 0, 0)
    report = remote.index(tmp_path / "more", on_progress=seen.append)
    assert (report.added, report.unchanged) == (2, 3)
    assert report.seconds > 0
    assert seen
    assert seen[-1].failed == 0
    assert local.stats().photos == 18
    (tmp_path / "more" / "grey0.png").unlink()
    assert remote.index(tmp_path / "more", prune=True).pruned == 1
    local.sql("DELETE FROM photos WHERE file_stem LIKE 'grey%'", write=True)


def test_loading_a_log(remote: Facade, tmp_path: Path) -> None:
    log = tmp_path / "more.tsv"
    log.write_text("photo_id\tkeyword\nx\tword\n")
    rows: list[int] = []
    report = remote.load_conversions(log, on_progress=rows.append)
    assert (report.rows, report.unknown_photos, report.state) == (1, 1, "loaded")
    assert remote.load_conversions(log).state == "unchanged"
    remote.sql("DELETE FROM conversions WHERE photo_id = 'x'", write=True)


def test_what_stops_a_run_stops_it_at_the_server(
    remote: Facade, local: Facade, tmp_path: Path
) -> None:
    for number in range(400):
        paint(tmp_path / f"teal{number}.png", "teal", size=(300 + number, 300))

    def interrupt(progress: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        remote.index(tmp_path, on_progress=interrupt)
    left = local.stats().photos
    assert left < 413
    # It has ended: the next run is not kept waiting by it, and goes on where it was.
    report = remote.index(tmp_path)
    assert report.added + report.unchanged == 400
    local.sql("DELETE FROM photos WHERE file_stem LIKE 'teal%'", write=True)


def test_what_cannot_be_sent(remote: Facade, tmp_path: Path) -> None:
    from vistazo.sources.folder import FolderSource

    with pytest.raises(Unsupported, match="a source that is an object cannot be sent"):
        remote.index(FolderSource(tmp_path))
    with pytest.raises(Unsupported, match="an encoder of your own works only"):
        remote.index(tmp_path, encoder=ColourEncoder())
    with pytest.raises(Unsupported, match="a dataset is built by the process that has it open"):
        remote.build_dataset(tmp_path, tmp_path / "out")


def test_another_encoder_is_refused_and_changes_nothing(
    url: str, local: Facade, pictures: Path
) -> None:
    with vistazo.open(url, token=OWNER, encoder="offline") as library:
        for ask in (
            lambda: library.search("red"),
            lambda: library.demand(RED),
            lambda: library.downloads(RED),
            lambda: library.index(pictures),
        ):
            with pytest.raises(vistazo.errors.EncoderMismatch, match="encoder 'colours'"):
                ask()
    with vistazo.open(url, token=OWNER) as library:
        for each in (local, library):
            with pytest.raises(vistazo.errors.EncoderMismatch, match="encoder 'colours'"):
                each.index(pictures, encoder="offline")
    assert local.search("red", k=1)
    with vistazo.open(url, encoder="colours") as library:
        assert library.search("red", k=1)
    with pytest.raises(Unsupported, match="works only in the process"):
        vistazo.open(url, encoder=ColourEncoder())


def test_many_threads(remote: Facade) -> None:
    from concurrent.futures import ThreadPoolExecutor

    def ask(number: int) -> list[str]:
        return [hit.photo_id for hit in remote.search(list(COLOURS.values())[number % 12], k=3)]

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(ask, range(48)))
    assert answers[:12] == answers[12:24] == answers[36:]


def test_a_server_that_has_gone(local: Facade) -> None:
    with served_web(local) as url:
        library = vistazo.open(url)
        assert library.search("red", k=1)
    with pytest.raises(ServerError, match=f"^the server {url} "):
        library.search("red")
    with pytest.raises(ServerError, match="cannot be reached: Connection refused"):
        vistazo.open(url)


def test_a_server_that_started_anew(local: Facade) -> None:
    with served_web(local) as url:
        library = vistazo.open(url)
        # What an idle connection's end looks like: the server closed it meanwhile.
        connection = library._transport._idle[0]  # type: ignore[attr-defined]
        connection.sock.shutdown(2)
        assert library.search("red", k=1)
        library.close()
        assert library.search("red", k=1)
        library.close()


async def _other(scope: Any, receive: Any, send: Any) -> None:
    """A server of something else; below /new, of a later vistazo; below /old, of an earlier one."""
    if scope["type"] != "http":
        return
    status, body = 200, b"<html>hello</html>"
    if scope["path"].startswith("/new"):
        body = b'{"api": 9, "version": "9.0", "folder": "/x", "encoder": null}'
    if scope["path"].startswith("/old"):
        status = 404
        body = b'{"error": {"code": "not-found", "message": "GET /api/v1/library: Not Found"}}'
    await send({"type": "http.response.start", "status": status, "headers": []})
    await send({"type": "http.response.body", "body": body})


def test_a_server_of_something_else() -> None:
    with served(_other) as url:
        with pytest.raises(ServerError, match="does not answer as vistazo does"):
            vistazo.open(url)
        with pytest.raises(ServerError, match=r"another version of the interface \(vistazo 9.0\)"):
            vistazo.open(f"{url}/new/")
        with pytest.raises(ServerError, match="speaks another version of the interface"):
            vistazo.open(f"{url}/old")


@pytest.mark.parametrize(
    "text", ["http://", "http://a b", "http://host:port", "https://h?x=1", "http://me:secret@:1"]
)
def test_no_address(text: str) -> None:
    with pytest.raises(UsageError, match="is no server's address") as raised:
        vistazo.open(text)
    assert "secret" not in str(raised.value)


def test_an_image_that_is_too_large(remote: Facade, tmp_path: Path) -> None:
    from vistazo.remote.files import MAX_IMAGE_BYTES
    from vistazo.web import uploads

    assert MAX_IMAGE_BYTES == uploads.MAX_IMAGE_BYTES
    with pytest.raises(InvalidQuery, match="larger than the 32 MB that a server takes"):
        remote.search(image=bytes(MAX_IMAGE_BYTES + 1))


def test_https(local: Facade, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost")
    certificate.private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "server.pem"))
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    with served_web(local, ssl_certfile=str(tmp_path / "server.pem")) as url:
        secure = url.replace("http://127.0.0.1", "https://localhost")
        with pytest.raises(ServerError, match="certificate verify failed"):
            vistazo.open(secure)
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
        with vistazo.open(secure) as library:
            assert plain(library.search("red", k=3)) == plain(local.search("red", k=3))


@pytest.mark.parametrize("vector", [[1.0, 0.0], [1e300, 0, 0, 0]])
def test_a_vector_of_another_space(remote: Facade, vector: list[float]) -> None:
    with pytest.raises(InvalidQuery, match="has 4 finite numbers"):
        remote.find(Query(vector=vector))  # type: ignore[arg-type]


def test_sources_of_another_machine(remote: Facade, pictures: Path) -> None:
    from vistazo.remote import files
    from vistazo.remote.address import parse

    far = parse("http://photos.example:8000")
    assert files.source_name("hf:owner/name", far) == "hf:owner/name"
    assert files.source_name("urls:/data/list.txt", far) == "urls:/data/list.txt"
    with pytest.raises(Unsupported, match="give its absolute path there"):
        files.source_name("pictures", far)
    with pytest.raises(Unsupported, match="copy it there"), files.only_here(str(pictures), far):
        raise SourceError("the folder does not exist")
    with pytest.raises(SourceError), files.only_here("/no/such/folder", far):
        raise SourceError("the folder does not exist")
    here = parse("http://localhost:8000")
    assert files.source_name("unsplash:lite", here) == f"unsplash:{Path.cwd() / 'lite'}"
