"""Texts to a model's numbers, as transformers' tokenizers make them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vistazo.errors import WeightsCorrupt, WeightsMissing

FILE, CONFIG = "tokenizer.json", "tokenizer_config.json"
# SigLIP 2 was trained on lower case, which its files do not say: transformers' class does it.
_LOWERING = ("Siglip2Tokenizer", "GemmaTokenizer", "GemmaTokenizerFast")


class Tokens:
    """A model's tokenizer: cuts at the limit and keeps the end mark, fills up with the pad."""

    def __init__(self, folder: Path, *, limit: int, fill: bool, lowers: bool = False) -> None:
        """Read a model's files.

        Args:
            limit: longest text in tokens, marks included.
            fill: every text is filled up to the limit; else to the longest of its batch.
            lowers: the model may be one that wants lower case.
        Raises:
            WeightsMissing: there is no tokenizer.json.
            WeightsCorrupt: it, or its configuration, cannot be read.
        """
        from tokenizers import Tokenizer

        path = folder / FILE
        if not path.is_file():
            raise WeightsMissing(f"the model in {folder} has no {FILE}: get that file too")
        try:
            # Their errors are plain Exceptions.
            self._tokenizer: Any = Tokenizer.from_file(str(path))
        except Exception as error:
            raise WeightsCorrupt(
                f"the tokenizer {path} cannot be read: get it again ({str(error)[:120]})"
            ) from error
        told = _config(folder / CONFIG)
        self._lowers = lowers and told.get("tokenizer_class") in _LOWERING
        pad = _pad(told, self._tokenizer)
        pad_id = self._tokenizer.token_to_id(pad)
        if pad_id is None:
            raise WeightsCorrupt(
                f"the tokenizer {path} does not know its own pad token {pad!r}: get it again"
            )
        self._tokenizer.enable_truncation(limit)
        self._tokenizer.enable_padding(
            direction=told.get("padding_side", "right"),
            pad_id=pad_id,
            pad_token=pad,
            length=limit if fill else None,
        )

    def __call__(self, texts: Sequence[str]) -> dict[str, NDArray[np.int64]]:
        """Texts as numbers.

        Returns:
            `input_ids`, `attention_mask` and `token_type_ids`, each (n, length) int64.
        """
        # A lone surrogate, as from a file name that is not UTF-8, is no text to the tokenizer.
        clean = [text.encode("utf-8", "replace").decode() for text in texts]
        if self._lowers:
            clean = [text.lower() for text in clean]
        found = self._tokenizer.encode_batch(clean)
        ids = np.array([each.ids for each in found], dtype=np.int64)
        return {
            "input_ids": ids,
            "attention_mask": np.array([each.attention_mask for each in found], dtype=np.int64),
            "token_type_ids": np.zeros_like(ids),
        }


def _config(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise WeightsCorrupt(f"{path} cannot be read: get it again ({error})") from error
    return found if isinstance(found, dict) else {}


def _pad(told: dict[str, Any], tokenizer: Any) -> str:
    """The token that fills up: as configured, else what such tokenizers have."""
    pad = told.get("pad_token")
    if isinstance(pad, dict):
        pad = pad.get("content")
    if isinstance(pad, str):
        return pad
    for usual in ("<|endoftext|>", "<pad>", "[PAD]"):
        if tokenizer.token_to_id(usual) is not None:
            return usual
    return "<pad>"
