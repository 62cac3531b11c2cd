"""The models known by name, and how a name is read: `clip-vit-b32@int8`, a folder, OWNER/NAME."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast, get_args

from vistazo.errors import InvalidSetting, UnknownEncoder
from vistazo.records import printable

AUTO, OFFLINE = "auto", "offline"
FIRST_CHOICE = "clip-vit-b32"  # of `auto`
TORCH = "torch:"

Precision = Literal["fp32", "fp16", "int8"]
Device = Literal["auto", "cpu", "cuda"]

_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}")


@dataclass(frozen=True, slots=True)
class Model:
    """One model that is known by name.

    Attributes:
        repository: on the Hub, where its files lie.
        dim: length of an embedding.
        size_mb: of both towers' files by precision, in 10^6 bytes; a precision that is not here has
            no files of its own and is made on this machine.
        text_only: its images go through the model of this name, whose space it shares.
        pad_to_limit: its text tower wants every text filled up to the limit.
        exported: the Hub has PyTorch's format only, which the extra `torch` turns into ours.
    """

    name: str
    repository: str
    dim: int
    size_mb: dict[str, int]
    licence: str
    languages: str
    text_only: str = ""
    pad_to_limit: bool = False
    exported: bool = False


_MODELS = (
    Model(
        FIRST_CHOICE,
        "Xenova/clip-vit-base-patch32",
        512,
        {"fp32": 606, "fp16": 303, "int8": 154},
        "MIT",
        "English",
    ),
    Model(
        "clip-vit-b16",
        "Xenova/clip-vit-base-patch16",
        512,
        {"fp32": 599, "fp16": 300, "int8": 152},
        "MIT",
        "English",
    ),
    Model(
        "clip-vit-l14",
        "Xenova/clip-vit-large-patch14",
        768,
        {"fp32": 1710, "fp16": 856, "int8": 431},
        "MIT",
        "English",
    ),
    Model(
        "tinyclip-vit-8m-16",
        "wkcn/TinyCLIP-ViT-8M-16-Text-3M-YFCC15M",
        512,
        {"fp32": 166},
        "MIT",
        "English",
        exported=True,
    ),
    Model(
        "siglip2-base",
        "onnx-community/siglip2-base-patch16-224-ONNX",
        768,
        {"fp32": 1500, "fp16": 751, "int8": 378},
        "Apache-2.0",
        "109 languages",
        pad_to_limit=True,
    ),
    Model(
        "clip-vit-b32-multilingual",
        "sentence-transformers/clip-ViT-B-32-multilingual-v1",
        512,
        {"fp32": 539},
        "Apache-2.0",
        "50 languages",
        text_only=FIRST_CHOICE,
    ),
)
MODELS = {model.name: model for model in _MODELS}


@dataclass(frozen=True, slots=True)
class Name:
    """What an encoder's name says.

    Attributes:
        base: `offline`, a known name, an absolute folder, or OWNER/NAME.
        precision: empty when the name does not say.
        torch: run by PyTorch instead of ONNX Runtime.
    """

    base: str
    precision: Precision | Literal[""] = ""
    torch: bool = False

    @property
    def model(self) -> Model | None:
        """The known model of this name."""
        return MODELS.get(self.base)

    @property
    def folder(self) -> Path | None:
        """The folder that the name is."""
        return Path(self.base) if self.base.startswith("/") else None

    @property
    def text(self) -> str:
        """The name in full, as a library records it."""
        suffix = f"@{self.precision}" if self.precision not in ("", "fp32") else ""
        return f"{TORCH if self.torch else ''}{self.base}{suffix}"

    @property
    def space(self) -> Name:
        """The encoder whose images have these vectors."""
        model = self.model
        base = model.text_only if model and model.text_only else self.base
        return Name(base, self.precision, self.torch)


def parse(text: str) -> Name:
    """Read an encoder's name; `auto` is none.

    Raises:
        UnknownEncoder: it is no known name, no folder, and cannot be a name on the Hub.
    """
    torch = text.startswith(TORCH)
    base, _, precision = text.removeprefix(TORCH).partition("@")
    if precision and precision not in get_args(Precision):
        base, precision = text.removeprefix(TORCH), ""
    if base == OFFLINE and not torch and not precision:
        return Name(OFFLINE)
    wanted = cast("Precision", precision) if precision else ""
    if base in MODELS:
        return Name(base, wanted, torch)
    if _is_folder(base):
        return Name(str(Path(base).expanduser().resolve()), wanted, torch)
    if _REPOSITORY.fullmatch(base) and ".." not in base:
        return Name(base, wanted, torch)
    known = ", ".join((AUTO, OFFLINE, *MODELS))
    raise UnknownEncoder(
        f"there is no encoder '{printable(text)}'; known are {known}; a folder with a model's"
        " files or OWNER/NAME of the Hub will do too"
    )


def precision(text: str) -> Precision:
    """A precision, as a setting gives it.

    Raises:
        InvalidSetting: there is none of this name.
    """
    if text not in get_args(Precision):
        raise InvalidSetting(f"precision must be fp32, fp16 or int8, not '{printable(text)}'")
    return cast("Precision", text)


def device(text: str) -> Device:
    """A device, as a setting gives it.

    Raises:
        InvalidSetting: there is none of this name.
    """
    if text not in get_args(Device):
        raise InvalidSetting(f"device must be auto, cpu or cuda, not '{printable(text)}'")
    return cast("Device", text)


def _is_folder(text: str) -> bool:
    try:
        return (
            "\0" not in text
            and ("/" in text or text in (".", ".."))
            and (Path(text).expanduser().is_dir() or text.startswith(("/", "./", "../", "~")))
        )
    except (OSError, RuntimeError, ValueError):
        return False
