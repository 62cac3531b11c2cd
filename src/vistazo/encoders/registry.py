"""Encoders by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Self

from vistazo.encoders import models
from vistazo.encoders.models import AUTO as AUTO
from vistazo.encoders.models import FIRST_CHOICE, Device, Name, Precision
from vistazo.encoders.models import OFFLINE as OFFLINE

if TYPE_CHECKING:
    from vistazo.config import Settings
    from vistazo.encoders.base import Encoder

NAMES = (OFFLINE, *models.MODELS)


@dataclass(frozen=True, slots=True)
class Options:
    """How encoders are run.

    Attributes:
        encoder: name for a library that has none yet.
        precision: of a model whose name does not say; empty takes the library's own, else fp32.
        text_encoder: name of an encoder whose text tower answers, where its images are those of
            the library's encoder; empty for none.
        threads: cores of one call; 0 means all.
    """

    encoder: str = AUTO
    precision: Precision | Literal[""] = ""
    device: Device = "auto"
    text_encoder: str = ""
    threads: int = 0

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """What a user's settings say.

        Raises:
            InvalidSetting: a precision or a device that there is not.
        """
        wanted = settings.precision
        return cls(
            encoder=settings.encoder,
            precision="" if wanted == AUTO else models.precision(wanted),
            device=models.device(settings.device),
            text_encoder=settings.text_encoder,
        )


DEFAULT = Options()


def resolve(name: str, options: Options = DEFAULT) -> tuple[str, str]:
    """The encoder a name stands for, and why; the reason is empty where there is none to give.

    `auto` is CLIP where its files are on this machine, or the Hub has them; else `offline`.

    Raises:
        UnknownEncoder: there is none of this name.
        Unsupported: the device cannot be used.
    """
    if name != AUTO:
        read = _full(models.parse(name), options)
        return read.text, "" if read.base == OFFLINE else f"you asked for it; {_runs_on(options)}"
    from vistazo.encoders import hub, weights

    first = _full(Name(FIRST_CHOICE), options)
    model = models.MODELS[FIRST_CHOICE]
    precision: Precision = first.precision or "fp32"
    if weights.on_disk(first, precision):
        return first.text, f"its files are on this machine; {_runs_on(options)}"
    if hub.answers(model.repository):
        size = model.size_mb[precision]
        return first.text, f"the Hub has its files ({size} MB); {_runs_on(options)}"
    return OFFLINE, (
        f"it ships with vistazo, and the files of {FIRST_CHOICE} are neither on this machine nor to"
        " be had from the Hub"
    )


def create(name: str, options: Options = DEFAULT) -> Encoder:
    """An encoder by its own name; it loads its weights at first use.

    Raises:
        UnknownEncoder: there is none of this name.
        WeightsError, HubError: its files are missing or damaged, and the Hub does not help.
        Unsupported: the device cannot be used, or an extra is not installed.
    """
    read = _full(models.parse(name), options)
    if read.base == OFFLINE:
        from vistazo.encoders.offline import OfflineEncoder

        return OfflineEncoder(threads=options.threads or None)
    if read.torch:
        from vistazo.encoders.clip_torch import TorchClip

        return TorchClip(read, device=options.device)
    from vistazo.encoders.clip import OnnxClip

    return OnnxClip(read, device=options.device, threads=options.threads or None)


def _full(name: Name, options: Options) -> Name:
    """A name with its precision."""
    if name.base == OFFLINE or name.precision:
        return name
    return Name(name.base, options.precision or "fp32", name.torch)


def _runs_on(options: Options) -> str:
    from vistazo.encoders.sessions import chosen

    if chosen(options.device) == "cuda":
        return "it runs on the GPU"
    return "it runs on the CPU" + (
        ", as ONNX Runtime finds no GPU" if options.device == "auto" else ""
    )
