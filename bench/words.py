"""Words and downloads beside pictures: what the index takes, and what a search takes more.

Captions are synthetic: 12 words of a vocabulary of 30,000, frequent ones more often (Zipf), in two
languages a photo; each photo has three downloads after a search for one word of its caption.
Searches for pictures alone and for both run in turns, each twice: by the candidates that are enough,
and by the scores of all photos. The index is made, saved, and read as by the next process.

Run: python bench/words.py [--rows 25000 100000]
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from vistazo.records import EncoderSpec, Metadata, Photo
from vistazo.search.candidates import Search
from vistazo.search.fusion import Blend, Ranker
from vistazo.search.memory.resident import ResidentPath
from vistazo.search.paths import DatabasePath
from vistazo.search.target import Target
from vistazo.search.words.index import Words
from vistazo.store.connect import connect, disconnect, parse
from vistazo.store.filters import Filter
from vistazo.store.schema import migrate
from vistazo.store.state import Watched, usage
from vistazo.store.store import NewPhoto, Store

DIM, CHUNK, SEARCHES = 128, 5000, 25
SYLLABLES = ("ba", "ce", "di", "fo", "gu", "la", "me", "ni", "po", "ru", "sa", "te", "vi", "zo")


def words_of(count: int) -> list[str]:
    """Words that look like words: three to five syllables."""
    chance = np.random.default_rng(1)
    made: dict[str, None] = {}
    while len(made) < count:
        made["".join(chance.choice(SYLLABLES, size=chance.integers(3, 6)))] = None
    return list(made)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[25_000, 100_000])
    words = words_of(30_000)
    for rows in parser.parse_args().rows:
        with tempfile.TemporaryDirectory() as folder:
            address = parse(f"{folder}/library")
            connection = connect(address, create=True, wait_s=0)
            migrate(connection)
            measure(Store(connection), rows, words)
            disconnect(address)


def fill(store: Store, rows: int, words: list[str]) -> list[list[int]]:
    """Photos with captions, and their downloads; the numbers of each caption's words."""
    chance = np.random.default_rng(2)
    store.record_encoder(EncoderSpec("synthetic", DIM, "0"))
    told = np.minimum(chance.zipf(1.2, size=(rows, 24)), len(words)) - 1
    for start in range(0, rows, CHUNK):
        vectors = chance.standard_normal((min(CHUNK, rows - start), DIM), dtype=np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        batch = []
        for number, vector in enumerate(vectors, start=start):
            first, second = (" ".join(words[w] for w in part) for part in np.split(told[number], 2))
            facts = Metadata(description=first, attributes={"caption_es": second})
            photo = Photo(f"{number:011d}", f"file:///{number}.jpg", 1, 1, metadata=facts)
            batch.append(NewPhoto(photo, vector, b""))
        store.replace(batch)
    picked = told[np.repeat(np.arange(rows), 3), chance.integers(0, 24, size=3 * rows)]
    table = {
        "photo_id": [f"{number:011d}" for number in np.repeat(np.arange(rows), 3)],
        "keyword": [words[word] for word in picked],
    }
    store.connection.insert("conversions", pa.table(table))
    return [list(map(int, row)) for row in told]


def measure(store: Store, rows: int, words: list[str]) -> None:
    told = fill(store, rows, words)
    path = ResidentPath(store, DatabasePath(store), 2 << 30)
    ranker = Ranker(store.connection, path)
    chance = np.random.default_rng(3)
    state = store.state()
    vectors = chance.standard_normal((SEARCHES, DIM), dtype=np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    for _ in range(4):  # until the vectors are in memory
        path.nearest(vectors[0], 10, Filter())
    path.wait(60)
    started = time.perf_counter()
    index = ranker._words.index(state)
    print(f"{rows:,} photos, {len(index.vocabulary):,} terms")
    print(f"  index made in {time.perf_counter() - started:.2f} s")
    with tempfile.TemporaryDirectory() as folder:
        for what in ("made and saved", "read from its file"):
            started = time.perf_counter()
            Words(store.connection, Watched(store.connection, usage), Path(folder)).index(state)
            print(f"  index {what} in {time.perf_counter() - started:.2f} s")
    blends = {
        "pictures": Blend(),
        "both": Blend(mode="both"),
        "words": Blend(mode="words"),
        "pictures, popular": Blend(popular=0.3),
        "both, popular": Blend(mode="both", popular=0.3),
    }
    ways_to = {"some": Search._most, "all": property(lambda _: 0)}
    took: defaultdict[str, list[float]] = defaultdict(list)
    ways: defaultdict[str, list[str]] = defaultdict(list)

    for number, vector in enumerate(vectors):
        # Three words of some caption: frequent and rare ones as people would use them.
        text = " ".join(words[word] for word in chance.choice(told[number], size=3))
        started = time.perf_counter()
        index.match([(text, 1.0)])
        took["match"].append(1000 * (time.perf_counter() - started))
        target = Target(vector, 10, Filter(), state=state, words=((text, 1.0),))
        for name, blend in blends.items():
            asked = replace(target, blend=blend)
            for kind, most in ways_to.items():
                Search._most = most  # type: ignore[method-assign, assignment]
                label = f"{name}, {kind}"
                started = time.perf_counter()
                ways[label].append(ranker.rank(asked, state).read)
                took[label].append(1000 * (time.perf_counter() - started))
    for name, times in took.items():
        ordered = sorted(times)
        read = f"; read {dict(Counter(ways[name]))}" if name in ways else ""
        print(f"  {name}: {statistics.median(ordered):.1f} ms, at most {ordered[-1]:.1f} ms{read}")
    path.close()


if __name__ == "__main__":
    main()
