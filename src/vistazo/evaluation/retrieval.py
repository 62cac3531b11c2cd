"""Ask a library for every text of a labelled set, and measure where the right pictures stand."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

import vistazo
from vistazo.errors import LibraryEmpty, SourceError
from vistazo.evaluation.metrics import LEVEL, RESAMPLES, Outcome, measured
from vistazo.evaluation.report import Evaluation
from vistazo.records import Float32Array, printable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vistazo.encoders.base import Encoder
    from vistazo.evaluation.labels import Labels
    from vistazo.evaluation.plan import Among, EvaluationPlan
    from vistazo.store.connection import Connection

# A vector and a number to the ids of so many nearest photos, best first.
Search = Callable[[Float32Array, int], Sequence[str]]

_TEXTS = 64  # embedded, and compared with all photos, at once
_PHOTOS = 5000  # read at once


@dataclass(frozen=True, slots=True)
class _Asked:
    """A set, as far as the library has its pictures.

    Attributes:
        texts: each as often as the set has it, as CLIP_benchmark counts them; a class once.
        photo_ids: in their order, that of ties.
        pairs: (text's place, photo's place).
    """

    texts: list[str]
    photo_ids: list[str]
    pairs: set[tuple[int, int]]
    missing: int


def evaluate(
    labels: Labels,
    connection: Connection,
    encoder: Encoder,
    plan: EvaluationPlan,
    search: tuple[Search, Callable[[], str]],
    on_progress: Callable[[int, int], None] | None = None,
) -> Evaluation:
    """Measure a set.

    Args:
        search: the library's own way to search, and what it is called. Unless the plan wants it,
            every text is compared with every photo, exactly, and pictures with texts too.
        on_progress: called with how many steps were taken, and how many there are: a text is one
            to embed and one to search for, a picture that looks for its texts is one.
    Raises:
        SourceError: the library has none of the set's pictures.
    """
    asked = _asked(labels, connection, plan.among)
    # Pictures look for their texts too, but not for the name of their class.
    both = not plan.search and labels.kind != "classes"
    done, total = 0, 2 * len(asked.texts) + (len(asked.photo_ids) if both else 0)

    def step(count: int) -> None:
        nonlocal done
        done += count
        if on_progress is not None:
            on_progress(done, total)

    vectors = np.concatenate(list(_embedded(asked.texts, encoder, step)))
    measures = {}
    if not plan.search:
        pictures = _pictures(connection, asked.photo_ids, encoder.spec.dim)
        ranked = _ranked(vectors, pictures, step)
        measures["image_retrieval"] = _measured(ranked, asked.pairs, len(asked.texts))
        if both:
            # A photo without a text of the set has nothing to find.
            flipped = {(photo, text) for text, photo in asked.pairs}
            ranked = _ranked(pictures, vectors, step)
            measures["text_retrieval"] = _measured(ranked, flipped, len(asked.photo_ids))
        path = "exact"
    else:
        nearest, named = search
        places = {photo_id: place for place, photo_id in enumerate(asked.photo_ids)}

        def searched() -> Iterator[NDArray[np.intp]]:
            for vector in vectors:
                ids = nearest(vector, plan.depth)
                yield np.array([places[each] for each in ids if each in places], np.intp)
                step(1)

        measures["image_retrieval"] = _measured(searched(), asked.pairs, len(asked.texts))
        path = named()
    return Evaluation(
        kind=labels.kind,
        name=printable(labels.name),
        split=labels.split,
        digest=labels.digest,
        texts=len(asked.texts),
        photos=len(asked.photo_ids),
        missing=asked.missing,
        among=plan.among,
        depth=plan.depth if plan.search else None,
        path=path,
        model=dataclasses.asdict(encoder.spec),
        precision="float32",
        measures=measures,
        interval=f"{LEVEL:.0%} of {RESAMPLES} bootstrap means, texts of a photo drawn together",
        version=vistazo.__version__,
    )


def _asked(labels: Labels, connection: Connection, among: Among) -> _Asked:
    column = {"photo_id": "photo_id", "url": "photo_image_url", "file_stem": "file_stem"}
    table = connection.table(
        f"SELECT photo_id, {column[labels.by]} AS known FROM photos ORDER BY photo_id"
    )
    if not table.num_rows:
        raise LibraryEmpty("the library is empty. Run: vistazo index FOLDER")
    ids = table["photo_id"].to_pylist()
    by: dict[str, list[str]] = {}
    for photo_id, known in zip(ids, table["known"].to_pylist(), strict=True):
        by.setdefault(known, []).append(photo_id)
    wanted = {picture for _, picture in labels.pairs}
    there = wanted & by.keys()
    if not there:
        raise SourceError(
            f"the library has none of the {len(wanted):,} pictures of {printable(labels.name)}:"
            " index them first"
        )
    if among == "set":
        ids = sorted({photo_id for picture in there for photo_id in by[picture]})
    place = {photo_id: number for number, photo_id in enumerate(ids)}
    texts: list[str] = []
    classes: dict[str, int] = {}
    pairs = set()
    for text, picture in labels.pairs:
        if picture not in there:
            continue
        number = classes.get(text, len(texts))
        if number == len(texts):
            texts.append(text)
        if labels.kind == "classes":
            classes[text] = number
        pairs |= {(number, place[photo_id]) for photo_id in by[picture]}
    return _Asked(texts, ids, pairs, len(wanted) - len(there))


def _pictures(connection: Connection, photo_ids: Sequence[str], dim: int) -> Float32Array:
    """(n, dim) float32, rows as the ids, which are in their order."""
    vectors = np.empty((len(photo_ids), dim), dtype=np.float32)
    for at in range(0, len(photo_ids), _PHOTOS):
        part = list(photo_ids[at : at + _PHOTOS])
        table = connection.table(
            "SELECT photo_embed FROM photos WHERE photo_id IN {ids:Array(String)} ORDER BY photo_id",
            {"ids": part},
        ).combine_chunks()
        flat = table["photo_embed"].chunk(0).flatten()
        vectors[at : at + len(part)] = np.asarray(flat, dtype=np.float32).reshape(len(part), dim)
    return vectors


def _embedded(
    texts: Sequence[str], encoder: Encoder, step: Callable[[int], None]
) -> Iterator[Float32Array]:
    """(up to 64, dim) float32 of norm 1 each, in the texts' order."""
    for at in range(0, len(texts), _TEXTS):
        part = texts[at : at + _TEXTS]
        yield encoder.encode_texts(part)
        step(len(part))


def _ranked(
    queries: Float32Array, targets: Float32Array, step: Callable[[int], None]
) -> Iterator[NDArray[np.intp]]:
    """For each query the places of all targets, best first, ties in their order."""
    for at in range(0, len(queries), _TEXTS):
        scores = queries[at : at + _TEXTS] @ targets.T
        step(len(scores))
        yield from np.argsort(-scores, axis=1, kind="stable")


def _measured(
    ranked: Iterator[NDArray[np.intp]], pairs: set[tuple[int, int]], count: int
) -> dict[str, dict[str, float]]:
    """Measures of all queries that have something to find."""
    right: list[set[int]] = [set() for _ in range(count)]
    for query, target in pairs:
        right[query].add(target)
    outcomes, groups = [], []
    for number, (wanted, order) in enumerate(zip(right, ranked, strict=True)):
        if wanted:
            places = np.flatnonzero(np.isin(order, list(wanted)))
            outcomes.append(Outcome(places.astype(np.int64) + 1, len(wanted)))
            # Texts of one picture stand or fall together; what finds several is on its own.
            groups.append(next(iter(wanted)) if len(wanted) == 1 else -1 - number)
    estimates = measured(outcomes, groups)
    return {name: dataclasses.asdict(each) for name, each in estimates.items()}
