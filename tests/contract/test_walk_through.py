"""The walk-through's statements, from the tables to the last question, against NumPy and a count."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa
import pytest

from vector_server import Server, finds_all, nearest
from vistazo.sqlserver.myscale.translate import VectorSQL
from vistazo.store.connect import Connection

DIM, PHOTOS, DOWNLOADS, K = 512, 1000, 20_000, 10
RNG = np.random.default_rng(11)
WORDS = ["bee", "honey", "flower", "sea", "night", "car"]


@pytest.fixture(scope="module")
def server(connection: Connection) -> Server:
    return Server(connection, VectorSQL(connection, lambda text: np.zeros(DIM, np.float32)))


def test_the_walk_through(server: Server) -> None:
    for table in ("myscale_photos", "myscale_conversions"):
        server.run(f"DROP TABLE IF EXISTS default.{table}")
    server.run("""
CREATE TABLE default.myscale_photos
(
    id UInt64,
    photo_id String,
    photo_image_url String,
    photo_embed Array(Float32),
    CONSTRAINT vector_len CHECK length(photo_embed) = 512
)
ORDER BY id
""")
    server.run("""
CREATE TABLE default.myscale_conversions
(
    id UInt64,
    photo_id String,
    keyword String
)
ORDER BY id
""")
    vectors = RNG.standard_normal((PHOTOS, DIM)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    names = [f"photo-{n:04}" for n in range(PHOTOS)]
    server.connection.insert(
        "myscale_photos",
        pa.table(
            {
                "id": pa.array(range(PHOTOS), pa.uint64()),
                "photo_id": names,
                "photo_image_url": [f"http://127.0.0.1/images/{name}" for name in names],
                "photo_embed": pa.array(list(vectors), pa.list_(pa.float32())),
            }
        ),
    )
    photos = [names[n] for n in RNG.zipf(1.3, DOWNLOADS) % PHOTOS]
    keywords = [WORDS[n] for n in RNG.zipf(1.5, DOWNLOADS) % len(WORDS)]
    server.connection.insert(
        "myscale_conversions",
        pa.table({"id": range(DOWNLOADS), "photo_id": photos, "keyword": keywords}),
    )
    for table, rows in (("myscale_photos", PHOTOS), ("myscale_conversions", DOWNLOADS)):
        (counted,) = server.run(f"SELECT count(*) FROM default.{table}")
        assert list(counted.values()) == [rows]

    (target,) = server.run("SELECT * FROM default.myscale_photos ORDER BY rand() LIMIT 1")
    embed, number = target["photo_embed"], target["id"]
    for _ in range(20):
        server.run("""
ALTER TABLE default.myscale_photos\x20
ADD VECTOR INDEX photo_embed_index photo_embed
TYPE MSTG
('metric_type=Cosine')
""")
        server.run("SYSTEM WAIT BUILDING VECTOR INDICES default.myscale_photos")
        status = "SELECT status FROM system.vector_indices WHERE name='photo_embed_index'"
        assert server.run(status) == [{"status": "Built"}]
        if finds_all(server, "myscale_photos.photo_embed", "Cosine", vectors, vectors[number]):
            break
        server.run("ALTER TABLE myscale_photos DROP VECTOR INDEX photo_embed_index")

    forced = {"force_data_skipping_indices": "photo_embed_index"}
    found = server.run(
        f"""
SELECT photo_id, photo_image_url, distance(photo_embed, {embed}) as dist
FROM default.myscale_photos
WHERE photo_id != '{target["photo_id"]}'
ORDER BY dist
LIMIT {K}
""",
        settings=forced,
    )
    query = vectors[number]
    expected = nearest("Cosine", vectors, query, K, np.arange(PHOTOS) != number)
    assert [row["photo_id"] for row in found] == [names[n] for n in expected]
    assert np.allclose([row["dist"] for row in found], 1 - vectors[expected] @ query, atol=1e-5)

    totals = server.run(f"""
SELECT photo_id, count(*) as count
FROM default.myscale_conversions
JOIN (
    SELECT photo_id, distance(photo_embed, {embed}) as dist
    FROM default.myscale_photos
    ORDER BY dist ASC
    LIMIT {K}
    ) AS target_photos
ON default.myscale_conversions.photo_id = target_photos.photo_id
GROUP BY photo_id
ORDER BY count DESC
""")
    near = {names[n] for n in nearest("Cosine", vectors, query, K)}
    plain = Counter(photo for photo in photos if photo in near)
    assert {row["photo_id"]: row["count"] for row in totals} == plain
    counts = [row["count"] for row in totals]
    assert counts == sorted(counts, reverse=True)

    popular = totals[0]["photo_id"]
    (row,) = server.run(f"""
SELECT photo_image_url FROM default.myscale_photos WHERE photo_id = '{popular}'
""")
    assert row == {"photo_image_url": f"http://127.0.0.1/images/{popular}"}
    top = server.run(f"""
SELECT keyword, count(*) as count
FROM default.myscale_conversions
WHERE photo_id='{popular}'
GROUP BY keyword
ORDER BY count DESC
LIMIT 5
""")
    said = Counter(w for photo, w in zip(photos, keywords, strict=True) if photo == popular)
    assert sorted((r["count"] for r in top), reverse=True) == sorted(said.values())[::-1][:5]
    assert all(said[r["keyword"]] == r["count"] for r in top)
