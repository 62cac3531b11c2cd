"""Sets of texts with the pictures that they should find, in the forms that people have them.

- a captions table, `.tsv` or `.csv`, as `sources/captions.py` reads it beside pictures: a column
  `photo_id` or `file`, and one with a text per picture;
- Karpathy's splits of Flickr30k, Flickr8k and COCO: JSON with `images`, each with `filename`, `split`
  and `sentences`;
- a folder with a folder of pictures for each class, whose name is what they show.
"""

from __future__ import annotations

import csv
import hashlib
import json
import stat
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from vistazo.errors import SourceError, UsageError
from vistazo.records import printable

COLUMNS = ("caption_en", "caption", "description")  # the first that a table has
TEMPLATE = "a photo of {}"

Kind = Literal["captions", "karpathy", "classes"]


@dataclass(frozen=True, slots=True)
class Labels:
    """Texts, and which pictures each of them should find.

    Attributes:
        kind: `captions`, `karpathy` or `classes`.
        name: of the file or folder, without its path.
        split: such as `test`; `all` where the set has no splits.
        pairs: (text, picture), a text once for each of its pictures.
        by: what a picture of `pairs` is: `photo_id`, `url` or `file_stem`.
    """

    kind: Kind
    name: str
    split: str
    pairs: tuple[tuple[str, str], ...]
    by: str

    @property
    def digest(self) -> str:
        """Of the pairs; two runs with the same one were asked the same."""
        text = json.dumps(sorted(self.pairs), ensure_ascii=True)
        return hashlib.blake2b(text.encode("ascii"), digest_size=16).hexdigest()


def read_labels(
    path: Path, *, split: str = "test", column: str | None = None, template: str = TEMPLATE
) -> Labels:
    """Read a set of any form.

    Args:
        split: of a Karpathy file; `restval` is asked for by its own name.
        column: of a captions table; None takes the first of `COLUMNS`.
        template: how the text of a class is made from its name, which takes the place of `{}`.
    Raises:
        SourceError: it is none of these, or nothing of it can be used.
        UsageError: the template has no place for the name.
    """
    kind = kind_of(path)
    if kind == "classes":
        labels = _classes(path, template)
    elif kind == "captions":
        labels = _captions(path, column)
    else:
        labels = _karpathy(path, split)
    if not labels.pairs:
        raise SourceError(f"{printable(str(path))} has no text with a picture to evaluate with")
    return labels


def kind_of(path: Path) -> Kind:
    """Which form a set has, by its path alone.

    Raises:
        SourceError: nothing is there, or something else.
    """
    shown = printable(str(path))
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:
        raise SourceError(
            f"there is no {shown}; give the path of a set of labelled pictures"
        ) from error
    except OSError as error:
        raise SourceError(f"{shown} cannot be read ({error.strerror})") from error
    if stat.S_ISDIR(mode):
        return "classes"
    # A pipe of such a name would be waited for.
    suffix = path.suffix.lower() if stat.S_ISREG(mode) else ""
    if suffix in (".tsv", ".csv"):
        return "captions"
    if suffix == ".json":
        return "karpathy"
    raise SourceError(
        f"{shown} is no set of labelled pictures; give a captions table (.tsv, .csv), a file"
        " of Karpathy's splits (.json) or a folder with a folder for each class"
    )


def _captions(path: Path, column: str | None) -> Labels:
    shown = printable(str(path))
    try:
        text = path.read_bytes().decode("utf-8-sig")
        delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
        rows = list(csv.DictReader(text.splitlines(), delimiter=delimiter))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SourceError(f"the captions table {shown} cannot be read ({error})") from error
    names = [name for name in rows[0] if name] if rows else []
    said = column or next((name for name in COLUMNS if name in names), None)
    if said not in names:
        wanted = f"column '{printable(column)}'" if column else f"column {' or '.join(COLUMNS)}"
        raise SourceError(
            f"the captions table {shown} has no {wanted}; name one of"
            f" {', '.join(map(printable, names)) or 'its columns'} with --column"
        )
    if "photo_id" in names:
        by, pictures = "photo_id", [row["photo_id"] for row in rows]
    elif "file" in names:
        by = "url"
        folder = path.parent.resolve()
        pictures = [(folder / row["file"]).as_uri() if row["file"] else "" for row in rows]
    else:
        raise SourceError(f"the captions table {shown} has neither a column photo_id nor file")
    pairs = tuple(
        (caption, picture)
        for row, picture in zip(rows, pictures, strict=True)
        if (caption := (row[said] or "").strip()) and picture
    )
    return Labels("captions", f"{path.name}:{said}", "all", pairs, by)


def _karpathy(path: Path, split: str) -> Labels:
    shown = printable(str(path))
    try:
        content: Any = json.loads(path.read_bytes())
        images = content["images"]
        splits = {str(image["split"]) for image in images}
        pairs = tuple(
            (str(sentence["raw"]).strip(), PurePosixPath(image["filename"]).stem)
            for image in images
            if image["split"] == split
            for sentence in image["sentences"]
        )
    except OSError as error:
        raise SourceError(f"{shown} cannot be read ({error.strerror})") from error
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise SourceError(
            f"{shown} is no file of Karpathy's splits: it needs `images`, each with `filename`,"
            " `split` and `sentences` that have `raw`"
        ) from error
    if split not in splits:
        there = ", ".join(sorted(map(printable, splits))) or "none"
        raise SourceError(f"{shown} has no split '{printable(split)}'; it has: {there}")
    name = str(content.get("dataset") or path.name)
    return Labels("karpathy", name, split, pairs, "file_stem")


def _classes(path: Path, template: str) -> Labels:
    if "{}" not in template:
        raise UsageError(f"the template '{printable(template)}' has no {{}} for the class's name")
    root = path.resolve()
    try:
        pairs = [
            (template.replace("{}", _spoken(folder.name)), file.as_uri())
            for folder in sorted(root.iterdir())
            if folder.is_dir() and not folder.name.startswith(".")
            for file in sorted(folder.rglob("*"))
            if file.is_file() and not file.name.startswith(".")
        ]
    except OSError as error:
        shown = printable(str(path))
        raise SourceError(f"the folder {shown} cannot be read ({error.strerror})") from error
    return Labels("classes", path.resolve().name, "all", tuple(pairs), "url")


def _spoken(name: str) -> str:
    return " ".join(name.replace("_", " ").replace("-", " ").split())
