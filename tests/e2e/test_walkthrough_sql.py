"""The walk-through that vistazo's tables come from, run against `vistazo serve`.

The cells are MyScale's "Búsqueda de imágenes", from loading the dataset to the last print. Only
what its reader must change is changed: host, port, credentials, and where the dataset is.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from e2e.cli import run
from e2e.server import free_port, serving

SAMPLE = Path(__file__).parents[2] / "sample"
TOP_K = 10

LOAD = """
from datasets import load_dataset
photos = load_dataset(DATASET, data_files="photos.parquet", split="train")
conversions = load_dataset(DATASET, data_files="conversions.parquet", split="train")
# data frames, and vectors as lists
photo_df = photos.to_pandas()
conversion_df = conversions.to_pandas()
photo_df['photo_embed'] = photo_df['photo_embed'].apply(lambda x: x.tolist())
"""

TABLES = '''
import clickhouse_connect
client = clickhouse_connect.get_client(host=HOST, port=PORT, username=USERNAME, password=PASSWORD)
client.command("DROP TABLE IF EXISTS default.myscale_photos")
client.command("DROP TABLE IF EXISTS default.myscale_conversions")
client.command("""
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
client.command("""
CREATE TABLE default.myscale_conversions
(
    id UInt64,
    photo_id String,
    keyword String
)
ORDER BY id
""")
'''

FILL = '''
client.insert("default.myscale_photos", photo_df.to_records(index=False).tolist(),
              column_names=photo_df.columns.tolist())
client.insert("default.myscale_conversions", conversion_df.to_records(index=False).tolist(),
              column_names=conversion_df.columns.tolist())
print(f"Cantidad de fotos: {client.command('SELECT count(*) FROM default.myscale_photos')}")
print(f"Cantidad de conversiones: {client.command('SELECT count(*) FROM default.myscale_conversions')}")
client.command("""
ALTER TABLE default.myscale_photos 
ADD VECTOR INDEX photo_embed_index photo_embed
TYPE MSTG
('metric_type=Cosine')
""")
get_index_status="SELECT status FROM system.vector_indices WHERE name='photo_embed_index'"
print(f"Estado de construcción del índice: {client.command(get_index_status)}")
'''

TARGET = """
import requests
import matplotlib.pyplot as plt
from PIL import Image
from io import BytesIO
def download(url):
    response = requests.get(url)
    return Image.open(BytesIO(response.content))
def show_image(url, title=None):
    img = download(url)
    fig = plt.figure(figsize=(4, 4))
    plt.imshow(img)
    plt.show()
print(f"Cantidad de fotos: {client.command('SELECT count(*) FROM default.myscale_photos')}")
print(f"Cantidad de conversiones: {client.command('SELECT count(*) FROM default.myscale_conversions')}")
random_image = client.query("SELECT * FROM default.myscale_photos ORDER BY rand() LIMIT 1")
assert random_image.row_count == 1
target_image_id = random_image.first_item["photo_id"]
target_image_url = random_image.first_item["photo_image_url"]
target_image_embed = random_image.first_item["photo_embed"]
print("imagen actualmente seleccionada id={}, url={}".format(target_image_id, target_image_url))
print("Cargando imagen objetivo...")
show_image(target_image_url)
"""

SIMILAR = '''
top_k = 10
results = client.query(f"""
SELECT photo_id, photo_image_url, distance(photo_embed, {target_image_embed}) as dist
FROM default.myscale_photos
WHERE photo_id != '{target_image_id}'
ORDER BY dist
LIMIT {top_k}
""")
images_url = []
for r in results.named_results():
    # a smaller picture, by what the address asks for
    url = r['photo_image_url'] + "?q=75&fm=jpg&w=200&fit=max"
    images_url.append(download(url))
print("Cargando imágenes candidatas...")
for row in range(int(top_k / 5)):
    fig, axs = plt.subplots(1, 5, figsize=(20, 4))
    for i, img in enumerate(images_url[row * 5:row * 5 + 5]):
        axs[i % 5].imshow(img)
    plt.show()
'''

DOWNLOADS = '''
results = client.query(f"""
SELECT photo_id, count(*) as count
FROM default.myscale_conversions
JOIN (
    SELECT photo_id, distance(photo_embed, {target_image_embed}) as dist
    FROM default.myscale_photos
    ORDER BY dist ASC
    LIMIT {top_k}
    ) AS target_photos
ON default.myscale_conversions.photo_id = target_photos.photo_id
GROUP BY photo_id
ORDER BY count DESC
""")
print("Descargas totales para cada imagen candidata")
for r in results.named_results():
    print("- {}: {}".format(r['photo_id'], r['count']))
'''

POPULAR = '''
most_popular_candidate = results.first_item['photo_id']
candidate_url = client.command(f"""
SELECT photo_image_url FROM default.myscale_photos WHERE photo_id = '{most_popular_candidate}'
""")
print("Cargando la imagen candidata más popular...")
show_image(candidate_url)
results = client.query(f"""
SELECT keyword, count(*) as count
FROM default.myscale_conversions
WHERE photo_id='{most_popular_candidate}'
GROUP BY keyword
ORDER BY count DESC
LIMIT 5
""")
print("Palabras clave relacionadas y recuentos de descarga para la imagen más popular")
for r in results.named_results():
    print(f"- {r['keyword']}: {r['count']}") 
'''

# What the test looks at afterwards, after the cell that made it.
KEEP_TARGET = "kept = {'target': target_image_id, 'embed': target_image_embed}\n"
KEEP_SIMILAR = """
kept['similar'] = [[r['photo_id'], r['dist']] for r in results.named_results()]
kept['pictures'] = [[img.format, *img.size] for img in images_url]
"""
KEEP_DOWNLOADS = """
kept['downloads'] = [[r['photo_id'], r['count']] for r in results.named_results()]
"""
KEEP_POPULAR = """
import json, pathlib
kept['popular'] = [most_popular_candidate, candidate_url]
kept['keywords'] = [[r['keyword'], r['count']] for r in results.named_results()]
kept['figures'] = len(plt.get_fignums())
pathlib.Path(KEPT).write_text(json.dumps(kept))
"""
CELLS = [
    *(LOAD, TABLES, FILL, TARGET, KEEP_TARGET, SIMILAR, KEEP_SIMILAR),
    *(DOWNLOADS, KEEP_DOWNLOADS, POPULAR, KEEP_POPULAR),
]


class Walk:
    """What the walk-through printed and found, and the dataset it worked on."""

    def __init__(self, home: Path, printed: str, web: str) -> None:
        self.web = web
        self.printed = printed.splitlines()
        self.kept: dict[str, Any] = json.loads((home / "kept.json").read_text())
        self.photos = pd.read_parquet(home / "dataset" / "photos.parquet")
        self.conversions = pd.read_parquet(home / "dataset" / "conversions.parquet")

    def nearest(self, count: int) -> list[tuple[str, float]]:
        """(photo_id, 1 - cosine) of the nearest photos to the target, itself first, by NumPy."""
        vectors = np.stack(self.photos["photo_embed"].to_list()).astype(np.float64)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        (place,) = np.flatnonzero(self.photos["photo_id"] == self.kept["target"])
        distances = 1 - vectors @ vectors[place]
        order = np.argsort(distances, kind="stable")[:count]
        return [(self.photos["photo_id"][row], float(distances[row])) for row in order]


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Walk:
    home = tmp_path_factory.mktemp("home")
    port = free_port()
    built = run(
        *("dataset", "build", str(SAMPLE / "photos"), "--out", "dataset", "--db", "library"),
        *("--conversions", str(SAMPLE / "conversions.tsv000")),
        *("--image-base-url", f"http://127.0.0.1:{port}"),
        cwd=home,
    )
    assert built.returncode == 0, built.stderr
    options = ("--db", "library", "--port", str(port), "--sql-port", "0", "--allow-write")
    with serving(*options, cwd=home) as server:
        places = {
            "DATASET": str(home / "dataset"),
            "HOST": "127.0.0.1",
            "PORT": server.sql_port,
            "USERNAME": "anybody",
            "PASSWORD": server.said["token"].split()[0],
            "KEPT": str(home / "kept.json"),
        }
        script = "".join(f"{name} = {value!r}\n" for name, value in places.items())
        clean = {name: value for name, value in os.environ.items() if name != "DISPLAY"}
        result = subprocess.run(
            [sys.executable, "-W", "error", "-c", script + "\n".join(CELLS)],
            cwd=home,
            capture_output=True,
            text=True,
            timeout=300,
            env=clean | {"MPLBACKEND": "agg", "HF_HUB_OFFLINE": "1", "HF_HOME": str(home / "hf")},
        )
        assert result.returncode == 0, result.stderr[-5000:]
        assert server.stop() == 0
    return Walk(home, result.stdout, f"http://127.0.0.1:{port}")


def test_tables_are_filled_and_the_index_is_built(walk: Walk) -> None:
    counts = [
        f"Cantidad de fotos: {len(walk.photos)}",
        f"Cantidad de conversiones: {len(walk.conversions)}",
    ]
    assert len(walk.photos) == 36
    assert walk.printed[:5] == [*counts, "Estado de construcción del índice: Built", *counts]
    target = walk.kept["target"]
    assert walk.printed[5] == (
        f"imagen actualmente seleccionada id={target}, url={walk.web}/images/{target}"
    )


def test_the_target_is_a_row_of_the_dataset(walk: Walk) -> None:
    row = walk.photos.set_index("photo_id").loc[walk.kept["target"]]
    np.testing.assert_array_equal(np.float32(walk.kept["embed"]), row["photo_embed"])


def test_the_most_similar_are_numpys(walk: Walk) -> None:
    (own, distance), *others = walk.nearest(TOP_K + 1)
    assert own == walk.kept["target"]
    assert distance == pytest.approx(0, abs=1e-6)
    assert [photo_id for photo_id, _ in walk.kept["similar"]] == [each for each, _ in others]
    found = [distance for _, distance in walk.kept["similar"]]
    assert found == pytest.approx([distance for _, distance in others], abs=1e-5)


def test_their_pictures_are_the_small_ones_asked_for(walk: Walk) -> None:
    assert len(walk.kept["pictures"]) == TOP_K
    assert {(kind, width) for kind, width, _ in walk.kept["pictures"]} == {("JPEG", 200)}
    assert walk.kept["figures"] == 4  # the target, two rows of five, the most popular


def test_downloads_are_a_plain_count(walk: Walk) -> None:
    candidates = {photo_id for photo_id, _ in walk.nearest(TOP_K)}
    of_them = walk.conversions[walk.conversions["photo_id"].isin(candidates)]
    expected = of_them["photo_id"].value_counts()
    assert dict(walk.kept["downloads"]) == expected.to_dict()
    assert [count for _, count in walk.kept["downloads"]] == expected.to_list()
    start = walk.printed.index("Descargas totales para cada imagen candidata") + 1
    lines = [f"- {photo_id}: {count}" for photo_id, count in walk.kept["downloads"]]
    assert walk.printed[start : start + len(lines)] == lines


def test_keywords_of_the_most_popular_are_a_plain_count(walk: Walk) -> None:
    photo_id, address = walk.kept["popular"]
    assert photo_id == walk.kept["downloads"][0][0]
    assert address == f"{walk.web}/images/{photo_id}"
    own = walk.conversions[walk.conversions["photo_id"] == photo_id]["keyword"].value_counts()
    assert [count for _, count in walk.kept["keywords"]] == own.head(5).to_list()
    for keyword, count in walk.kept["keywords"]:
        assert own[keyword] == count
    lines = [f"- {keyword}: {count}" for keyword, count in walk.kept["keywords"]]
    assert walk.printed[-len(lines) :] == lines
