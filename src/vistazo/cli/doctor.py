"""`vistazo doctor`: whether this installation can work, part by part."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import typer

import vistazo
from vistazo.cli import render
from vistazo.cli.options import Db, Json, examples
from vistazo.config import Settings
from vistazo.errors import LibraryNotFound, VistazoError
from vistazo.remote.address import is_url
from vistazo.store.dsn import Address, Server, parse

_LOW_DISK_BYTES = 1_000_000_000
_PARTS = ("chdb-core", "clickhouse-connect", "onnxruntime", "pillow", "pillow-heif", "pyarrow")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("doctor", epilog=examples("vistazo doctor", "vistazo doctor --db photos --json"))(
        doctor
    )


def doctor(db: Db = None, as_json: Json = False) -> int:
    """Check this installation and the library, part by part."""
    settings = Settings.load({"db": db})
    checks: list[tuple[str, Callable[[], str]]] = [
        ("python", _python),
        ("packages", _packages),
        ("encoder", _encoder),
        ("pictures", _pictures),
        ("database", _database),
        ("library", lambda: _library(settings)),
        ("disk", lambda: _disk(settings)),
        ("terminal", _terminal),
    ]
    results = []
    for name, check in checks:
        try:
            results.append({"part": name, "ok": True, "found": check()})
        except Exception as error:  # the patient's ills are this command's results
            results.append({"part": name, "ok": False, "found": str(error) or repr(error)})
    if as_json:
        render.print_json(results)
    else:
        for each in results:
            print(f"{'ok  ' if each['ok'] else 'FAIL'}  {each['part']:<9} {each['found']}")
    return 0 if all(each["ok"] for each in results) else 1


def _python() -> str:
    return f"vistazo {vistazo.__version__}, Python {platform.python_version()}, {sys.platform}"


def _packages() -> str:
    return ", ".join(f"{name} {importlib.metadata.version(name)}" for name in _PARTS)


def _encoder() -> str:
    from vistazo.encoders import models, registry, weights

    options = registry.Options.of(Settings.load())
    name, reason = registry.resolve(options.encoder, options)
    read = models.parse(name)
    if read.base != models.OFFLINE and not weights.on_disk(read, read.precision or "fp32"):
        return f"{name}, not on this machine yet ({reason})"
    encoder = registry.create(name, options)
    norm = float((encoder.encode_texts(["a red car"]) ** 2).sum())
    if abs(norm - 1) > 1e-3:
        raise VistazoError(f"{name} gives vectors of the wrong length ({norm:.3f})")
    return f"{name}, {encoder.spec.dim} numbers, {os.cpu_count()} cores"


def _pictures() -> str:
    from vistazo.ingest.formats import readable_formats

    return "reads " + ", ".join(readable_formats())


def _database() -> str:
    from vistazo.store.connect import engine_version

    with tempfile.TemporaryDirectory() as folder:
        return f"chDB {engine_version(Path(folder))}"


def _library(settings: Settings) -> str:
    from vistazo.opening import open as open_
    from vistazo.remote.library import RemoteLibrary

    try:
        with open_(create=False, settings=settings) as library:
            found = library.stats()
            by = f", served at {library.address.url}" if isinstance(library, RemoteLibrary) else ""
    except LibraryNotFound:
        return f"none yet at {_address(settings).name}"
    encoder = found.encoder.name if found.encoder else "none"
    return f"{found.library}: {found.photos:,} photos, encoder {encoder}{by}"


def _address(settings: Settings) -> Address | Server:
    return parse(settings.library_path(), user=settings.db_user, password=settings.db_password)


def _disk(settings: Settings) -> str:
    if is_url(settings.library_path()):
        return "the server's"
    address = _address(settings)
    if isinstance(address, Server):
        return f"the library is on {address.place}"
    place = address.folder
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    if free < _LOW_DISK_BYTES:
        raise VistazoError(f"only {free / 1e6:.0f} MB are free at {place}")
    return f"{free / 1e9:.0f} GB free at {place}"


def _terminal() -> str:
    from vistazo.display.terminal import detect

    graphics = detect(os.environ, sys.stdout)
    return f"shows thumbnails ({graphics.value})" if graphics else "shows no thumbnails"
