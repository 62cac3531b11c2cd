"""Pictures and texts that the small models in tests/models were asked about."""

from __future__ import annotations

import numpy as np
from PIL import Image

# (width, height): wide, tall, odd, smaller than the input, as large as it, and extreme.
PICTURES = [(96, 64), (64, 97), (33, 32), (20, 11), (32, 32), (9, 200), (301, 64), (1, 1)]
TEXTS = [
    *("", "a red car", "A  RED\ncar", "un perro corre", "犬が海岸を走る", "собака 🦊 Ångström"),
    *("frog " * 300, "it's 42, isn't it?", " ", "ñandú"),
]


def pictures() -> list[Image.Image]:
    """Blocks of colour, the same everywhere."""
    chance = np.random.default_rng(11)
    made = []
    for width, height in PICTURES:
        coarse = chance.integers(0, 256, (height // 4 + 1, width // 4 + 1, 3), dtype=np.uint8)
        whole = np.kron(coarse, np.ones((4, 4, 1), dtype=np.uint8))[:height, :width]
        made.append(Image.fromarray(np.ascontiguousarray(whole)))
    return made
