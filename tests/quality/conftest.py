"""The sample's pictures and their vectors, made once for all modules."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vistazo.encoders.offline import OfflineEncoder

SAMPLE = Path(__file__).parents[2] / "sample"
Row = dict[str, str]


class Sample:
    """Pictures of both sets, stamps first, and their embeddings."""

    def __init__(self) -> None:
        self.encoder = OfflineEncoder(threads=2)
        self.rows: list[Row] = []
        images = []
        for name in ("stamps", "photos"):
            with (SAMPLE / name / "captions.tsv").open(encoding="utf-8", newline="") as lines:
                rows = list(csv.DictReader(lines, delimiter="\t"))
            images += [Image.open(SAMPLE / name / row["file"]).convert("RGB") for row in rows]
            self.rows += rows
            if name == "stamps":
                self.stamps = len(rows)
        self.embeddings = self.encoder.encode_images(images)

    def ranks(self, among: int) -> np.ndarray:
        """How many pictures beat the right one, for each English caption of the first `among`."""
        texts = self.encoder.encode_texts([row["caption_en"] for row in self.rows[:among]])
        scores = texts @ self.embeddings[:among].T
        return (scores > scores.diagonal()[:, None]).sum(axis=1)


@pytest.fixture(scope="session")
def sample() -> Sample:
    return Sample()
