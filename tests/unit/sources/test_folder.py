from __future__ import annotations

import os
from pathlib import Path

import pytest

from vistazo.errors import FetchError, SourceError
from vistazo.records import uri_of
from vistazo.sources.base import Item
from vistazo.sources.folder import FolderSource


def put(path: Path, data: bytes = b"picture") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def names(root: Path) -> list[str]:
    return [item.name for item in FolderSource(root).items()]


def only(root: Path) -> Item:
    (item,) = FolderSource(root).items()
    return item


def test_pictures_come_recursively_and_in_order(tmp_path: Path) -> None:
    for name in (
        "b.PNG",
        "a/z.jpg",
        "a/b/c.HEIC",
        "c.tiff",
        "a.jpeg",
        "notes.txt",
        "jpg",
        "x.jpg.bak",
    ):
        put(tmp_path / name)
    expected = ["a/b/c.HEIC", "a/z.jpg", "a.jpeg", "b.PNG", "c.tiff"]
    assert names(tmp_path) == expected
    assert names(tmp_path) == expected


def test_every_image_suffix_counts_in_any_case(tmp_path: Path) -> None:
    suffixes = ["jpg", "jpeg", "jpe", "jfif", "png", "webp", "gif", "tif", "tiff", "bmp"]
    suffixes += ["avif", "heic", "heif"]
    for suffix in suffixes:
        put(tmp_path / f"a.{suffix}")
        put(tmp_path / f"B.{suffix.upper()}")
    assert len(names(tmp_path)) == 2 * len(suffixes)


def test_hidden_files_and_litter_are_passed_over(tmp_path: Path) -> None:
    for name in (
        ".a.jpg",
        ".cache/a.jpg",
        "__MACOSX/a.jpg",
        "x/@eaDir/a.jpg",
        "Thumbs.db",
        "ok.jpg",
    ):
        put(tmp_path / name)
    assert names(tmp_path) == ["ok.jpg"]


def test_a_folder_without_pictures_yields_nothing(tmp_path: Path) -> None:
    put(tmp_path / "readme.txt")
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    "name",
    [
        b"new\nline.jpg",
        b"a b%20#?.jpg",
        "gat\u00f3 \U0001f408.jpg".encode(),
        b"not-\xff\xfe-utf8.jpg",
    ],
)
def test_any_file_name_is_found_and_read(tmp_path: Path, name: bytes) -> None:
    path = os.fsdecode(os.fsencode(tmp_path) + b"/" + name)
    put(Path(path), b"here")
    item = only(tmp_path)
    assert os.fsencode(item.name) == name
    assert uri_of(item.url) == path
    assert item.url.isascii()
    assert FolderSource(tmp_path).read(item) == b"here"


def test_the_name_is_the_same_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    real = FolderSource(tmp_path / "real").name
    assert FolderSource(tmp_path / "link").name == real
    assert FolderSource(tmp_path / "real" / ".." / "link").name == real
    assert real == (tmp_path / "real").resolve().as_uri()


def test_a_missing_root_says_so(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"^the folder .*/nowhere does not exist$"):
        FolderSource(tmp_path / "nowhere")


def test_a_file_as_root_names_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="is not a folder; give the folder that holds it"):
        FolderSource(put(tmp_path / "a.jpg"))


def test_a_root_of_impossible_name_is_a_source_error() -> None:
    with pytest.raises(SourceError):
        FolderSource("a\0b")
    with pytest.raises(SourceError):
        FolderSource("x" * 5000)


def test_a_root_that_vanishes_is_a_source_error(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    source = FolderSource(root)
    root.rmdir()
    with pytest.raises(SourceError, match="cannot be read: No such file"):
        list(source.items())


def deny(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Root may list everything, so the refusal is played."""
    real = os.scandir

    def scandir(path: str | Path) -> object:
        if Path(path) == folder:
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)


def test_an_unreadable_root_is_a_source_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deny(monkeypatch, tmp_path)
    with pytest.raises(SourceError, match="cannot be read: Permission denied"):
        names(tmp_path)


def test_an_unreadable_folder_is_one_problem_and_the_rest_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path / "a" / "1.jpg")
    put(tmp_path / "b" / "2.jpg")
    deny(monkeypatch, tmp_path / "a")
    bad, good = FolderSource(tmp_path).items()
    assert bad.problem is not None
    assert (bad.name, bad.problem.code) == ("a", "unreadable")
    assert bad.url == (tmp_path / "a").as_uri()
    assert (good.name, good.problem) == ("b/2.jpg", None)


def test_links_that_loop_are_survived(tmp_path: Path) -> None:
    root = tmp_path / "root"
    put(root / "sub" / "a.jpg")
    put(tmp_path / "outside.jpg")
    (root / "aa").symlink_to("sub")
    (root / "sub" / "up").symlink_to("..")
    (root / "sub" / "self").symlink_to(".")
    (root / "sub" / "above").symlink_to(tmp_path)
    (root / "everything").symlink_to("/")
    (root / "knot").symlink_to("knot")
    assert names(root) == ["sub/a.jpg"]


def test_linked_files_and_folders_are_followed_once(tmp_path: Path) -> None:
    root = tmp_path / "root"
    put(tmp_path / "far" / "x.jpg", b"x")
    put(tmp_path / "far" / "deep" / "y.jpg")
    put(root / "z.jpg")
    (root / "a.jpg").symlink_to(tmp_path / "far" / "x.jpg")
    (root / "b").symlink_to(tmp_path / "far")
    (root / "c").symlink_to(tmp_path / "far")
    assert names(root) == ["a.jpg", "z.jpg", "b/deep/y.jpg", "b/x.jpg"]
    source = FolderSource(root)
    assert source.read(next(source.items())) == b"x"


def test_a_link_to_nothing_is_a_problem_when_it_is_named_like_a_picture(tmp_path: Path) -> None:
    (tmp_path / "gone.jpg").symlink_to("nothing.jpg")
    (tmp_path / "gone").symlink_to("nothing")
    item = only(tmp_path)
    assert item.problem is not None
    assert item.problem.code == "missing"
    assert str(item.problem) == f"the link {tmp_path}/gone.jpg points at nothing"
    with pytest.raises(FetchError, match="points at nothing"):
        FolderSource(tmp_path).read(item)


def test_a_pipe_named_like_a_picture_never_blocks(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.jpg")
    assert names(tmp_path) == []
    pipe = Item((tmp_path / "x.jpg").as_uri(), "x.jpg")
    with pytest.raises(FetchError, match="is not a regular file") as caught:
        FolderSource(tmp_path).read(pipe)
    assert caught.value.code == "unreadable"


def test_a_folder_named_like_a_picture_is_walked(tmp_path: Path) -> None:
    put(tmp_path / "album.jpg" / "a.png")
    assert names(tmp_path) == ["album.jpg/a.png"]


def test_a_deep_tree_needs_no_recursion(tmp_path: Path) -> None:
    # made and removed step by step: `mkdir(parents=True)` and `rmtree`, by which pytest removes
    # what earlier runs left, need the recursion themselves
    deep = tmp_path
    for _ in range(1200):
        deep /= "d"
        deep.mkdir()
    picture = put(deep / "a.jpg")
    found = names(tmp_path)
    picture.unlink()
    while deep != tmp_path:
        deep.rmdir()
        deep = deep.parent
    assert found == ["d/" * 1200 + "a.jpg"]


def test_the_fingerprint_follows_size_time_and_captions(tmp_path: Path) -> None:
    path = put(tmp_path / "a.jpg", b"12345")
    os.utime(path, ns=(1, 1))
    seen = [only(tmp_path).fingerprint]
    assert only(tmp_path).fingerprint == seen[0]
    os.utime(path, ns=(2, 2))
    seen.append(only(tmp_path).fingerprint)
    path.write_bytes(b"123456")
    os.utime(path, ns=(2, 2))
    seen.append(only(tmp_path).fingerprint)
    for text in ("file\tcaption\na.jpg\tone\n", "file\tcaption\na.jpg\ttwo\n"):
        put(tmp_path / "captions.tsv", text.encode())
        seen.append(only(tmp_path).fingerprint)
    assert len(set(seen)) == len(seen)
    assert all(len(fingerprint) == 16 for fingerprint in seen)


def test_a_file_that_vanished_is_missing(tmp_path: Path) -> None:
    path = put(tmp_path / "a\n.jpg")
    item = only(tmp_path)
    path.unlink()
    with pytest.raises(FetchError, match=r"a\\n\.jpg does not exist any more$") as caught:
        FolderSource(tmp_path).read(item)
    assert caught.value.code == "missing"


def test_a_file_that_cannot_be_opened_is_unreadable(tmp_path: Path) -> None:
    item = Item((tmp_path / ("x" * 300 + ".jpg")).as_uri(), "x")
    with pytest.raises(FetchError, match="cannot be read: File name too long") as caught:
        FolderSource(tmp_path).read(item)
    assert caught.value.code == "unreadable"


def test_a_file_above_the_limit_is_refused(tmp_path: Path) -> None:
    put(tmp_path / "a.jpg", b"x" * 11)
    source = FolderSource(tmp_path, max_bytes=10)
    with pytest.raises(FetchError, match="has 11 bytes, more than the limit of 10") as caught:
        source.read(only(tmp_path))
    assert caught.value.code == "too-large"
    assert FolderSource(tmp_path, max_bytes=11).read(only(tmp_path)) == b"x" * 11


def test_two_files_of_one_photo_id_keep_it_once(tmp_path: Path) -> None:
    put(tmp_path / "a" / "one.jpg")
    put(tmp_path / "b" / "one.jpg")
    put(tmp_path / "captions.csv", b"photo_id,caption\none,Same\n")
    first, second = FolderSource(tmp_path).items()
    assert (first.photo_id, second.photo_id) == ("one", "")
    assert first.metadata.description == second.metadata.description == "Same"
