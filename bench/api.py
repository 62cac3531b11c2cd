"""Milliseconds of a text search over REST: `/api/v1/search`, offline encoder, everything warm.

The photos are synthetic: unit vectors in clusters, as in `bench/knn.py`, with a description, a
camera and a category each; no pictures. Every search has another text, so that none is answered
from what was searched before. One client, one connection, on loopback; server and client are two
threads of one process and share its interpreter, which a browser would not.

Run: python bench/api.py [--photos 25000] [--searches 200]
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator

import httpx
import uvicorn

import vistazo
from knn import clustered
from vistazo.cli.serving import take
from vistazo.encoders import registry
from vistazo.opening import open_here
from vistazo.records import Metadata, Photo
from vistazo.sqlserver.reading import ReadingGuard
from vistazo.store.store import NewPhoto
from vistazo.web.app import create

WORDS = [
    "red car",
    "lake",
    "two dogs",
    "old man",
    "mountain at night",
    "bread on a table",
    "ship",
    "white flower",
    "cat",
]
CHUNK = 1000


def fill(library: vistazo.Library, count: int) -> None:
    """Photos in many small parts, as ingest writes them."""
    encoder = registry.create("offline")
    store = library._store
    store.record_encoder(encoder.spec)
    vectors = clustered(count, encoder.spec.dim, seed=3)
    for begin in range(0, count, CHUNK):
        store.replace(
            [
                NewPhoto(_photo(begin + i), vector, b"")
                for i, vector in enumerate(vectors[begin : begin + CHUNK])
            ]
        )


def _photo(number: int) -> Photo:
    facts = Metadata(
        description=f"a photo of the {number % 97}th kind, with some words to say what it shows",
        camera=f"Camera {number % 23}",
        attributes={"category": f"kind/{number % 12}", "licence": "CC0"},
    )
    return Photo(
        photo_id=f"{number:011d}",
        url=f"file:///photos/{number}.jpg",
        width=4000,
        height=3000,
        format="JPEG",
        metadata=facts,
    )


@contextlib.contextmanager
def served(library: vistazo.Library) -> Iterator[str]:
    place = take("127.0.0.1", 0, "--port")
    guard = ReadingGuard(library)
    app = create(library, guard=guard)
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, ws="none"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [place.socket]})
    thread.start()
    try:
        while not server.started:
            time.sleep(0.01)
        yield place.url
    finally:
        server.should_exit = True
        thread.join()
        guard.close()


def measure(client: httpx.Client, params: dict[str, str], searches: int) -> None:
    times, stages = [], []
    for number in range(searches + 10):
        text = f"{WORDS[number % len(WORDS)]} {number}"
        started = time.perf_counter()
        answer = client.get("/api/v1/search", params={"q": text, "explain": "1", **params})
        took = 1000 * (time.perf_counter() - started)
        answer.raise_for_status()
        found = answer.json()
        if len(found["hits"]) != int(params["k"]):
            raise RuntimeError(answer.text)
        if number >= 10:
            times.append(took)
            stages.append(found["explain"]["stages_ms"])
    times.sort()
    median = {name: statistics.median(each[name] for each in stages) for name in stages[0]}
    shown = "  ".join(f"{name} {value:5.1f}" for name, value in median.items())
    print(
        f"{found['explain']['path']:>9}  p50 {statistics.median(times):5.1f}"
        f"  p95 {times[int(len(times) * 0.95)]:5.1f}  of which {shown}   {params}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=25_000)
    parser.add_argument("--searches", type=int, default=200)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, open_here(f"{folder}/library") as library:
        fill(library, options.photos)
        print(f"{library._store.count():,} photos, {options.searches} searches, milliseconds")
        with served(library) as url, httpx.Client(base_url=url, timeout=60) as client:
            for params in (
                {"k": "20"},
                {"k": "100"},
                {"k": "20", "where": "category = kind/3"},
                {"k": "20", "facets": "1"},
            ):
                measure(client, params, options.searches)


if __name__ == "__main__":
    main()
