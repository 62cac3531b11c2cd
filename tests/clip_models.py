"""The small models of tests/models, for tests: copied, broken, and known by real names."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parent / "models"
CLIP, SIGLIP, MULTILINGUAL = ROOT / "clip", ROOT / "siglip", ROOT / "multilingual"
GOLDEN = np.load(ROOT / "golden.npz")
REPOSITORIES = {
    "Xenova/clip-vit-base-patch32": CLIP,
    "sentence-transformers/clip-ViT-B-32-multilingual-v1": MULTILINGUAL,
}


def copied(source: Path, target: Path) -> Path:
    """A copy whose files a test may break."""
    shutil.copytree(source, target)
    return target


def files(folder: Path) -> dict[str, bytes]:
    """A model's files by path, as a stub of the Hub holds them."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def homes(monkeypatch: pytest.MonkeyPatch, place: Path) -> None:
    """Caches, data and the Hub's files in a folder of the test's own; the Hub is offline."""
    for name in ("XDG_CACHE_HOME", "XDG_DATA_HOME", "HF_HOME"):
        monkeypatch.setenv(name, str(place / name.lower()))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


def fill(place: Path, *names: str) -> None:
    """Put small models where a user may put the files of known ones."""
    for name in names:
        source = MULTILINGUAL if name.endswith("multilingual") else CLIP
        shutil.copytree(source, place / "xdg_data_home" / "vistazo" / "models" / name)


def environment(place: Path) -> dict[str, str]:
    """The same as `homes`, for a program."""
    names = ("XDG_CACHE_HOME", "XDG_DATA_HOME", "HF_HOME")
    found = {name: str(place / name.lower()) for name in names}
    return {**os.environ, **found, "HF_HUB_OFFLINE": "1"}
