"""Whatever a photo says of itself, the tables give it back."""

from __future__ import annotations

import datetime as dt
import string

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vistazo.records import EncoderSpec, Float32Array, Metadata, Photo, uri_of, url_of
from vistazo.store.connect import Connection
from vistazo.store.store import NewPhoto, Store

DIM = 4
text = st.text(max_size=40)
hexadecimal = st.text(string.hexdigits.lower()[:16], min_size=32, max_size=32)
any_bytes_path = st.binary(min_size=1, max_size=40).map(
    lambda raw: "/" + raw.replace(b"\0", b"").decode("utf-8", "surrogateescape")
)
metadata = st.builds(
    Metadata,
    description=text,
    photographer=text,
    camera=text,
    place=text,
    taken_at=st.none()
    | st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2299, 12, 31, 23, 59, 59)).map(
        lambda time: time.replace(microsecond=0)
    ),
    latitude=st.none() | st.floats(-90, 90),
    longitude=st.none() | st.floats(-180, 180),
    attributes=st.dictionaries(text, text, max_size=4),
)
photos = st.builds(
    Photo,
    photo_id=text,
    url=text.map("https://example.org/".__add__) | any_bytes_path.map(url_of),
    width=st.integers(0, 2**32 - 1),
    height=st.integers(0, 2**32 - 1),
    format=text,
    size_bytes=st.integers(0, 2**64 - 1),
    content_hash=st.just("") | hexadecimal,
    fingerprint=text,
    source=text,
    metadata=metadata,
)
vectors = st.lists(st.floats(-1, 1, width=32), min_size=DIM, max_size=DIM).map(
    lambda values: np.array(values, dtype=np.float32)
)
rows = st.builds(NewPhoto, photos, vectors, st.binary(max_size=60))
batches = st.lists(rows, min_size=1, max_size=6, unique_by=lambda new: new.photo.photo_id)
few = settings(max_examples=15, deadline=None)


@pytest.fixture(scope="module")
def store(connection: Connection) -> Store:
    """One for all examples: each begins with `emptied`."""
    shared = Store(connection)
    shared.record_encoder(EncoderSpec("some", DIM, "c0ffee"))
    return shared


def emptied(store: Store) -> Store:
    for table in ("photos", "thumbnails"):
        store._connection.execute(f"TRUNCATE TABLE {table}")
    return store


def ids_of(batch: list[NewPhoto]) -> list[str]:
    return [new.photo.photo_id for new in batch]


def assert_holds(store: Store, batch: list[NewPhoto]) -> None:
    ids = ids_of(batch)
    assert store.count() == len(ids)
    assert store.get(ids) == {new.photo.photo_id: new.photo for new in batch}
    assert store.thumbnails(ids) == {
        new.photo.photo_id: new.thumbnail for new in batch if new.thumbnail
    }
    found: dict[str, Float32Array] = store.embeddings(ids)
    assert found.keys() == {*ids}
    for new in batch:
        assert found[new.photo.photo_id].tobytes() == new.embedding.tobytes()


@few
@given(batches)
def test_what_goes_in_comes_out(store: Store, batch: list[NewPhoto]) -> None:
    emptied(store).replace(batch)
    assert_holds(store, batch)
    for new in batch:
        assert new.photo in store.find("photo_image_url", [new.photo.url])
        assert new.photo.photo_id in dict(store.under(new.photo.source))


@few
@given(batches)
def test_replacing_twice_changes_nothing_more(store: Store, batch: list[NewPhoto]) -> None:
    emptied(store).replace(batch)
    store.replace(batch)
    store.replace(batch[:1], stale_ids=ids_of(batch[:1]))
    assert_holds(store, batch)


@few
@given(batches, st.data())
def test_delete_removes_exactly_those(
    store: Store, batch: list[NewPhoto], data: st.DataObject
) -> None:
    gone = data.draw(st.sets(st.sampled_from(ids_of(batch))))
    emptied(store).replace(batch)
    assert store.delete(sorted(gone)) == len(gone)
    assert_holds(store, [new for new in batch if new.photo.photo_id not in gone])
    assert store.get(sorted(gone)) == {}
    assert store.thumbnails(sorted(gone)) == {}
    assert store.delete(ids_of(batch)) == len(batch) - len(gone)
    assert store.count() == 0


@few
@given(any_bytes_path)
def test_any_file_name_survives_as_a_url(store: Store, path: str) -> None:
    photo = Photo("a", url_of(path), 1, 1)
    emptied(store).replace([NewPhoto(photo, np.zeros(DIM, "f4"), b"")])
    assert uri_of(store.get(["a"])["a"].url) == photo.uri
    assert store.find("photo_image_url", [url_of(path)]) == [photo]
