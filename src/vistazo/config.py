"""Settings: flags win over VISTAZO_* variables, these over vistazo.toml, that over defaults."""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Self

from vistazo.errors import InvalidSetting

IMAGE_QUERY = "q=75&fm=jpg&w=200&fit=max"
IMAGE_QUERY_HOSTS = "images.unsplash.com plus.unsplash.com *.imgix.net"

FILE = "vistazo.toml"
PREFIX = "VISTAZO_"
_ABOVE_0 = frozenset(
    {"batch_size", "max_pixels", "download_concurrency", "per_host_concurrency"}
    | {"download_deadline_s", "download_max_bytes"}
)
_SECRET = "db_password"
_WORDS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


@dataclass(frozen=True, slots=True)
class Settings:
    """What a user may choose. Every field is a variable (`VISTAZO_DB`) and a key of vistazo.toml.

    Attributes:
        db: the library: a folder, `chdb:///folder`, `http://host:port` of a `vistazo serve`,
            `clickhouse://..` or `myscale://..`; empty means the user's data directory.
        db_user: for a database server whose DSN names no user.
        db_password: for a database server whose DSN holds no password; `repr` shows neither.
        token: what is shown to the `vistazo serve` at the address `db`.
        encoder: `auto` or the name of one; it matters when a library gets its first photo.
        text_encoder: another encoder for the words of a search, whose pictures are those of the
            library's: `clip-vit-b32-multilingual` on one of `clip-vit-b32`.
        precision: `fp32`, `fp16` or `int8`; `auto`: the library's own, fp32 for a new one.
        device: `auto`, `cpu` or `cuda`; `auto` takes a GPU where ONNX Runtime finds one.
        threads: that read and decode pictures; 0 means one for each core, at most 8.
        batch_size: pictures embedded in one call.
        max_pixels: pictures with more are refused undecoded.
        wait_s: how long to wait for another process to let go of the library, in seconds.
        vector_index_rows: from how many photos on the vector index is built; see
            docs/performance.md.
        resident_max_bytes: memory for vectors that are searched without reading the database; 0
            keeps none. A library with more is searched in the database.
        download_concurrency: downloads at once.
        per_host_concurrency: of these, from one host.
        download_deadline_s: for one picture, redirects and retries included, in seconds.
        download_retries: of a download whose failure may pass.
        download_max_bytes: larger pictures are refused.
        allow_private_addresses: download from this machine and private networks too.
        image_query: what hosts that scale pictures are asked for; empty or `off`: the original.
        image_query_hosts: those hosts, by spaces; `*.` stands for any subdomain.
    """

    db: str = field(default="", repr=False)
    db_user: str = "default"
    db_password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    encoder: str = "auto"
    text_encoder: str = ""
    precision: str = "auto"
    device: str = "auto"
    threads: int = 0
    batch_size: int = 32
    max_pixels: int = 200_000_000
    wait_s: float = 3.0
    vector_index_rows: int = 100_000
    resident_max_bytes: int = 1_073_741_824
    download_concurrency: int = 64
    per_host_concurrency: int = 16
    download_deadline_s: float = 60.0
    download_retries: int = 3
    download_max_bytes: int = 67_108_864
    allow_private_addresses: bool = False
    image_query: str = IMAGE_QUERY
    image_query_hosts: str = IMAGE_QUERY_HOSTS

    @classmethod
    def load(
        cls,
        flags: Mapping[str, Any] | None = None,
        *,
        environ: Mapping[str, str] | None = None,
        folder: Path | None = None,
    ) -> Self:
        """Read the environment and the first vistazo.toml found.

        Args:
            flags: values that win over all others; None among them means not given.
            environ: None means the process's own.
            folder: where vistazo.toml is looked for; None means here, then the user's
                configuration directory.
        Raises:
            InvalidSetting: an unknown name, or a value of the wrong kind.
        """
        environ = os.environ if environ is None else environ
        settings = cls()
        if path := _file(folder):
            settings = settings._with(_table(path), str(path))
        variables = {
            item.name: environ[name]
            for item in fields(cls)
            if (name := PREFIX + item.name.upper()) in environ and environ[name] != ""
        }
        settings = settings._with(variables, "the environment", prefix=PREFIX)
        given = {name: value for name, value in (flags or {}).items() if value is not None}
        return settings._with(given, "the flags")

    def library_path(self) -> str:
        """The library's folder or DSN."""
        if self.db:
            return self.db
        from platformdirs import user_data_path

        return str(user_data_path("vistazo") / "library")

    def _with(self, values: Mapping[str, Any], origin: str, *, prefix: str = "") -> Self:
        kinds = {item.name: type(getattr(Settings(), item.name)) for item in fields(self)}
        read: dict[str, Any] = {}
        for name, value in values.items():
            shown = prefix + name.upper() if prefix else name
            if name not in kinds:
                close = difflib.get_close_matches(name, kinds, 1)
                hint = f"did you mean {close[0]}?" if close else f"known are {', '.join(kinds)}"
                raise InvalidSetting(f"there is no setting {shown} ({origin}): {hint}")
            read[name] = _read(value, kinds[name], shown, origin, above_0=name in _ABOVE_0)
        changed: Self = replace(self, **read)
        return changed


def _file(folder: Path | None) -> Path | None:
    from platformdirs import user_config_path

    folders = [folder] if folder else [Path.cwd(), user_config_path("vistazo")]
    return next((path for place in folders if (path := place / FILE).is_file()), None)


def _table(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidSetting(f"{str(path)!r} cannot be read: {error}") from error


def _read(value: Any, kind: type, name: str, origin: str, *, above_0: bool) -> Any:
    wanted = {str: "a text", int: "a whole number", float: "a number", bool: "true or false"}[kind]
    if kind is str and isinstance(value, str):
        return value
    if kind is bool:
        if isinstance(value, bool):
            return value
        if isinstance(value, str) and value.lower() in _WORDS:
            return _WORDS[value.lower()]
    elif kind is not str and isinstance(value, (int, float, str)) and not isinstance(value, bool):
        try:
            number = kind(value)
        except (ValueError, OverflowError):
            number = -1
        if number > 0 or (number == 0 and not above_0):
            return number
        wanted += " above 0" if above_0 else " that is not negative"
    shown = "something else" if name.lower().endswith(_SECRET) else repr(value)
    raise InvalidSetting(f"{name} ({origin}) must be {wanted}, not {shown}")
