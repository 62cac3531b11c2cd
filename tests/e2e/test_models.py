"""`vistazo models`, and the commands that take a model's folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from clip_models import CLIP, REPOSITORIES, files
from e2e.cli import run
from hub_stub import hub_stub
from vistazo.cli.main import main

SAMPLE = Path(__file__).parents[2] / "sample"


def homes(place: Path) -> dict[str, str]:
    names = ("XDG_CACHE_HOME", "XDG_DATA_HOME", "HF_HOME")
    return {name: str(place / name.lower()) for name in names} | {"HF_HUB_OFFLINE": "1"}


def test_the_demo_with_a_models_folder(tmp_path: Path) -> None:
    done = run(
        *("demo", "--encoder", str(CLIP), "--precision", "int8", "--device", "cpu"),
        *("--pictures", str(SAMPLE), "--db", "demo"),
        cwd=tmp_path,
        env=homes(tmp_path),
    )
    assert done.returncode == 0, done.stderr
    assert "failed in" in done.stdout
    assert "ImageNet" not in done.stderr
    told = run("stats", "--db", "demo", "--json", cwd=tmp_path, env=homes(tmp_path))
    assert json.loads(told.stdout)["encoder"]["name"] == f"{CLIP}@int8"


def test_a_new_library_says_which_encoder_it_got_and_why(tmp_path: Path, pictures: Path) -> None:
    run_ = lambda *arguments: run(*arguments, cwd=tmp_path, env=homes(tmp_path))  # noqa: E731
    first = run_("index", str(pictures), "--db", "one", "--encoder", str(CLIP))
    assert first.returncode == 0
    assert f"encoder: {CLIP}, because you asked for it; it runs on the CPU" in first.stderr
    again = run_("index", str(pictures), "--db", "one")
    assert "encoder" not in again.stderr
    assert "12 unchanged" in again.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--encoder", "clap"], 2, "there is no encoder 'clap'; known are auto, offline, clip-vit"),
        (["--encoder", "clip-vit-b32"], 1, "or work with: --encoder offline"),
        (["--encoder", str(CLIP), "--device", "cuda"], 2, "the device cuda cannot be used"),
        (["--precision", "fp8"], 2, "precision must be fp32, fp16 or int8, not 'fp8'"),
    ],
)
def test_what_cannot_be(
    tmp_path: Path,
    pictures: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    code: int,
    message: str,
) -> None:
    for name, value in homes(tmp_path).items():
        monkeypatch.setenv(name, value)
    assert main(["index", str(pictures), "--db", str(tmp_path / "x"), *arguments]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert "bug" not in err


def test_listing_and_pulling(tmp_path: Path) -> None:
    with hub_stub() as stub:
        for name, folder in REPOSITORIES.items():
            stub.add_repository(name, files(folder))
        env = stub.environment(tmp_path)
        listed = run("models", "--json", cwd=tmp_path, env=env)
        models = {model["name"]: model for model in json.loads(listed.stdout)}
        assert models["clip-vit-b32"]["dim"] == 512
        assert models["clip-vit-b32"]["on_disk"] == []
        assert models["offline"]["on_disk"] == ["int8"]
        assert {"siglip2-base", "clip-vit-l14"} < models.keys()
        name = "clip-vit-b32-multilingual"
        pulled = run("models", "pull", name, cwd=tmp_path, env=env)
        assert pulled.returncode == 0, pulled.stderr
        lines = pulled.stdout.splitlines()
        assert [line.split(":")[0] for line in lines] == ["clip-vit-b32", name]
        before = len(stub.requests)
        run("models", "pull", name, cwd=tmp_path, env=env)
        assert not [path for _, path in stub.requests[before:] if path.startswith("/store")]
        table = run("models", cwd=tmp_path, env=env).stdout
        assert [line for line in table.splitlines() if "Xenova" in line and "fp32" in line]
        wrong = run("models", "pull", "owner/none", cwd=tmp_path, env=env)
        assert (wrong.returncode, "no model owner/none" in wrong.stderr) == (1, True)
    cut = run("models", "pull", "clip-vit-b32", cwd=tmp_path, env=env)
    assert cut.returncode == 1
    assert "cannot be had" in cut.stderr
    offline = run("models", "pull", "offline", cwd=tmp_path, env=env)
    assert (offline.returncode, "nothing to get" in offline.stderr) == (2, True)
