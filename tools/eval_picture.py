"""Draw what `vistazo eval --json` said, one group of bars for each run.

vistazo eval sample/photos/captions.tsv --among library --json > en.json
python tools/eval_picture.py docs/eval.png English=en.json
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

MEASURES = ("recall@1", "recall@5", "recall@10", "mrr")
COLOURS = ("#27b", "#e83", "#3a6", "#999")
DIRECTION = "image_retrieval"


def main() -> None:
    """Read the runs and write the picture."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("picture", type=Path)
    parser.add_argument("runs", nargs="+", metavar="TITLE=FILE")
    given = parser.parse_args()
    figure, field = plt.subplots(figsize=(6.4, 3))
    width = 0.8 / len(given.runs)
    for number, run in enumerate(given.runs):
        title, _, file = run.partition("=")
        said = json.loads(Path(file).read_text())
        values = [said["measures"][DIRECTION][each] for each in MEASURES]
        middle = np.array([each["value"] for each in values])
        spread = [
            middle - [each["low"] for each in values],
            [each["high"] for each in values] - middle,
        ]
        at = np.arange(len(MEASURES)) + (number - (len(given.runs) - 1) / 2) * width
        label = f"{title}: {said['texts']} texts among {said['photos']} photos"
        colour = COLOURS[number % len(COLOURS)]
        field.bar(at, middle, width * 0.9, yerr=spread, capsize=3, color=colour, label=label)
    field.set_xticks(range(len(MEASURES)), MEASURES)
    field.set_ylim(0, 1)
    field.legend(frameon=False, fontsize=8, loc="upper left")
    field.set_title("text finds pictures, with 95 % intervals", fontsize=9)
    figure.tight_layout()
    figure.savefig(given.picture, dpi=110)


if __name__ == "__main__":
    main()
