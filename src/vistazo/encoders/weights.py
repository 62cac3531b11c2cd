"""Where a model's files lie, and which of them are wanted; gets them from the Hub if need be.

Looked for in this order: the folder that the name is; `models/NAME` in the user's data directory;
the Hub's cache; the Hub. Two layouts are read: the common one of ONNX files
(`onnx/vision_model*.onnx`, `onnx/text_model*.onnx`), and transformers' (`model.safetensors`), which
the extra `torch` turns into the first, once.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from platformdirs import user_data_path

from vistazo.encoders import hub
from vistazo.encoders.models import Name, Precision
from vistazo.errors import WeightsCorrupt, WeightsMissing

SUFFIXES: dict[Precision, tuple[str, ...]] = {
    "fp32": ("",),
    "fp16": ("_fp16",),
    "int8": ("_quantized", "_int8"),
}
CHECKPOINT = "model.safetensors"
# Small files that a model may have; those that it must have are asked for when they are read.
SMALL = (
    *("config.json", "preprocessor_config.json", "tokenizer.json", "tokenizer_config.json"),
    *("modules.json", "sentence_bert_config.json", "1_Pooling/config.json", "2_Dense/config.json"),
    *("special_tokens_map.json", "vocab.json", "merges.txt", "vocab.txt"),
    "2_Dense/model.safetensors",
)
VISION, TEXT, WHOLE = "vision_model", "text_model", "model"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A folder with a model's files.

    Attributes:
        config: its `config.json`.
        hint: what to do when a file of it is missing.
    """

    folder: Path
    config: dict[str, Any] = field(repr=False)
    hint: str

    @property
    def family(self) -> str:
        """`clip`, `siglip` or `distilbert`.

        Raises:
            WeightsCorrupt: it is another kind of model.
        """
        kind = str(self.config.get("model_type", ""))
        family = {"siglip2": "siglip"}.get(kind, kind)
        if family not in ("clip", "siglip", "distilbert"):
            raise WeightsCorrupt(
                f"the model in {self.folder} is of the kind '{kind or 'unknown'}': vistazo works"
                " with clip and siglip models"
            )
        return family

    @property
    def dim(self) -> int:
        """Length of an embedding; what a configuration leaves out is transformers' default."""
        if self.family == "siglip":
            return int((self.config.get("vision_config") or {}).get("hidden_size", 768))
        return int(self.config.get("projection_dim", 512))

    @property
    def text_limit(self) -> int:
        """Longest text in tokens, marks included."""
        text = self.config.get("text_config") or {}
        usual = 64 if self.family == "siglip" else 77
        return int(text.get("max_position_embeddings", usual))

    def find(self, stem: str, precision: Precision) -> Path | None:
        """A tower's ONNX file in a precision."""
        return next((path for path in self.places(stem, precision) if path.is_file()), None)

    def places(self, stem: str, precision: Precision) -> Iterable[Path]:
        """Where a tower's ONNX file may lie."""
        for suffix in SUFFIXES[precision]:
            for folder in (self.folder / "onnx", self.folder):
                yield folder / f"{stem}{suffix}.onnx"

    @property
    def safetensors(self) -> Path | None:
        """The weights in transformers' format."""
        path = self.folder / CHECKPOINT
        return path if path.is_file() else None

    def lacks(self, file: str) -> WeightsMissing:
        """The error for a file that is not there."""
        return WeightsMissing(f"the model in {self.folder} has no {file}; {self.hint}")


def own_folder(name: Name) -> Path:
    """The folder that a user may fill by hand for a model."""
    return Path(user_data_path("vistazo")) / "models" / name.base.replace("/", "--")


def repository(name: Name) -> str:
    """Where a model lies on the Hub."""
    return name.model.repository if name.model else name.base


def on_disk(name: Name, precision: Precision) -> bool:
    """Whether a model can be used without the network, in this precision."""
    return _local(name, precision) is not None


def has(name: Name, precision: Precision) -> bool:
    """Whether this machine has a model's own files of this precision."""
    folder = _local(name, precision)
    if folder is None:
        return False
    if precision == "fp32":
        return True
    stem = WHOLE if name.model and name.model.text_only else VISION
    return Checkpoint(folder, {}, "").find(stem, precision) is not None


def get(
    name: Name,
    precision: Precision,
    on_file: Callable[[str, int], None] | None = None,
) -> Checkpoint:
    """A model's folder, from this machine or else from the Hub.

    Args:
        on_file: called with each file's name and size in bytes before it is loaded.
    Raises:
        WeightsMissing: it is not on this machine and the Hub cannot be reached.
        HubError: the Hub refuses, or has no such model.
        WeightsCorrupt: what is there is no model of a known kind.
    """
    folder = _local(name, precision)
    if folder is None and name.folder is not None:
        return _opened(name, name.folder)  # whoever reads its files says what it lacks
    if folder is None:
        try:
            return pull(name, precision, on_file)
        except hub.Unreachable as error:
            raise WeightsMissing(
                f"the model {name.base} is not on this machine, and {_lower(str(error))}; put its"
                f" files into {own_folder(name)}, or work with: --encoder offline"
            ) from error
    return _opened(name, folder)


def pull(
    name: Name,
    precision: Precision,
    on_file: Callable[[str, int], None] | None = None,
) -> Checkpoint:
    """Get a model's files from the Hub; those that are there already are not loaded again.

    Raises:
        HubError: the Hub cannot be reached, refuses, or has no such model.
        WeightsCorrupt: what came is damaged, or no model.
    """
    source = repository(name)
    found = hub.listing(source)
    wanted = _wanted(list(found.sizes), name, precision)
    if wanted is None:
        raise WeightsCorrupt(
            f"the Hub's {source} has neither ONNX files of a vision and a text model nor"
            f" {CHECKPOINT}: it is no model for vistazo"
        )
    return _opened(name, hub.load(source, found, wanted, on_file))


def _local(name: Name, precision: Precision) -> Path | None:
    """The folder on this machine that has what is needed."""
    folders = [name.folder] if name.folder else [own_folder(name), _cached(name)]
    for folder in folders:
        if folder is None or not (folder / "config.json").is_file():
            continue
        files = [str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()]
        if _wanted(files, name, precision) is not None:
            return folder
    return None


def _cached(name: Name) -> Path | None:
    return hub.cached_folder(repository(name))


def _wanted(files: Sequence[str], name: Name, precision: Precision) -> list[str] | None:
    """The files that are needed of those that a model has; None when it cannot be used."""
    have = set(files)
    small = [file for file in SMALL if file in have]
    stems = (WHOLE,) if name.model and name.model.text_only else (VISION, TEXT)
    # Whoever has no files of this precision makes them of the full one.
    for each in (precision, "fp32") if not name.torch else ():
        towers = [_tower(have, stem, each) for stem in stems]
        if all(towers):
            data = [f"{tower}_data" for tower in towers if f"{tower}_data" in have]
            return [*small, *(tower for tower in towers if tower), *data]
    return [*small, CHECKPOINT] if CHECKPOINT in have else None


def _tower(have: set[str], stem: str, precision: Precision) -> str | None:
    names = [
        f"{folder}{stem}{suffix}.onnx" for suffix in SUFFIXES[precision] for folder in ("onnx/", "")
    ]
    return next((each for each in names if each in have), None)


def _opened(name: Name, folder: Path) -> Checkpoint:
    hint = f"get the missing file, or all with: vistazo models pull {name.base}"
    if name.folder is not None:
        hint = "it needs config.json, preprocessor_config.json, tokenizer.json, and the ONNX files"
        hint += f" onnx/{VISION}.onnx and onnx/{TEXT}.onnx or {CHECKPOINT}"
    path = folder / "config.json"
    if not folder.is_dir():
        raise WeightsMissing(f"there is no folder {folder}, where the model's files should be")
    try:
        config = json.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise Checkpoint(folder, {}, hint).lacks("config.json") from error
    except (OSError, ValueError) as error:
        raise WeightsCorrupt(f"{path} cannot be read: get it again ({error})") from error
    parts = ("text_config", "vision_config")
    if not isinstance(config, dict) or not all(
        isinstance(config.get(part, {}), (dict, type(None))) for part in parts
    ):
        raise WeightsCorrupt(f"{path} holds no configuration: get it again")
    return Checkpoint(folder, config, hint)


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
