"""`vistazo.__all__` is what there is."""

import importlib
import subprocess
import sys

import vistazo
from vistazo import errors


def test_every_public_name_can_be_had() -> None:
    for name in vistazo.__all__:
        assert getattr(vistazo, name) is not None


def test_names_come_from_their_homes() -> None:
    for name, home in vistazo._HOMES.items():
        assert getattr(vistazo, name) is getattr(importlib.import_module(f"vistazo.{home}"), name)
    assert set(vistazo._HOMES) | {"errors", "__version__"} == set(vistazo.__all__)


def test_dir_lists_the_public_names() -> None:
    assert dir(vistazo) == sorted(vistazo.__all__)


def test_star_import_gives_the_public_names_only() -> None:
    script = "from vistazo import *; print(*sorted(n for n in globals() if n[:2] != '__'))"
    names = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    ).stdout.split()
    assert set(names) == {name for name in vistazo.__all__ if not name.startswith("__")}


def test_the_error_tree_is_drawn_as_it_is() -> None:
    drawn = [
        line.strip(" │├└─").split()[0]
        for line in (errors.__doc__ or "").splitlines()[2:34]
        if line.strip()
    ]
    real = {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, errors.VistazoError)
    }
    assert {word for word in drawn if word[0].isupper()} == real
