"""Data sets of the Hub, through the real client, from a stub on loopback."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import huggingface_hub.constants
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import hub_stub_read
import vistazo
from fakes import ColourEncoder
from hub_stub_read import Hub
from vistazo.errors import SourceError, Unsupported
from vistazo.records import EncoderSpec
from vistazo.sources.hub import HubSource
from vistazo.sources.parquet import ENCODER_KEY

REPO = "ana/pictures"
NAMES = ["red", "crimson", "navy"]


def parquet(**columns: object) -> bytes:
    table = pa.table(columns)
    spec = ColourEncoder().spec
    said = json.dumps({"name": spec.name, "dim": spec.dim, "checksum": spec.checksum})
    out = io.BytesIO()
    pq.write_table(table.replace_schema_metadata({ENCODER_KEY: said}), out)
    return out.getvalue()


def photos(names: list[str], **columns: object) -> bytes:
    return parquet(
        **{
            "id": list(range(len(names))),
            "photo_id": names,
            "photo_image_url": [f"https://a.invalid/{name}" for name in names],
            "photo_embed": ColourEncoder().encode_texts(names).tolist(),
            **columns,
        }
    )


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """The stub with one data set; the client's cache is empty and no token is there."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(huggingface_hub.constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_DISABLE_PROGRESS_BARS", True)
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.delenv("HUGGING_FACE_HUB_TOKEN", raising=False)
    with hub_stub_read.serve() as stub:
        monkeypatch.setenv("HF_ENDPOINT", stub.url)
        stub.files[REPO] = {
            "README.md": b"# Pictures\n",
            "photos.parquet": photos(NAMES),
            "conversions.parquet": parquet(id=[0, 1], photo_id=["red", "?"], keyword=["x", "y"]),
        }
        yield stub


def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)


def test_a_data_set_whole(library: vistazo.Library, hub: Hub, encoder: ColourEncoder) -> None:
    report = library.index(f"hf:{REPO}", encoder=encoder)
    assert (report.added, report.failed, report.notes) == (3, 0, ())
    load = report.loads["conversions.parquet"]
    assert (load.rows, load.unknown_photos) == (2, 1)
    assert encoder.embedded == 0
    assert library.search("red", k=1)[0].uri == "https://a.invalid/red"
    assert library.stats().sources == {f"hf:{REPO}": 3}
    assert not [line for line in hub.asked if "README" in line]

    hub.asked.clear()
    again = library.index(f"hf:{REPO}")
    assert (again.unchanged, again.loads["conversions.parquet"].state) == (3, "unchanged")
    assert not [line for line in hub.asked if line.startswith("GET /datasets")]  # all cached

    hub.files[REPO]["photos.parquet"] = photos([*NAMES, "green"])
    assert library.index(f"hf:{REPO}", photos_only=True).added == 1
    assert library.stats().conversions.conversions == 2

    hub.files[REPO]["conversions.parquet"] = parquet(id=[0], photo_id=["red"], keyword=["z"])
    load = library.index(f"hf:{REPO}").loads["conversions.parquet"]
    assert (load.rows, load.replaced) == (1, 2)
    assert library.stats().conversions.conversions == 1


def test_photos_only_does_not_download_conversions(
    library: vistazo.Library, hub: Hub, encoder: ColourEncoder
) -> None:
    assert library.index(f"hf:{REPO}", encoder=encoder, photos_only=True, limit=2).added == 2
    assert not [line for line in hub.asked if "conversions" in line]


def test_revision_and_path(hub: Hub) -> None:
    files = hub.files[REPO]
    files["photos-all.parquet"] = photos([*NAMES, "green"])
    files["sub/photos-0-of-2.parquet"] = photos(["blue"])
    files["sub/photos-1-of-2.parquet"] = photos(["gold"])
    files["sub/conversions-all.parquet"] = files["conversions.parquet"]

    def ids(name: str) -> list[str]:
        source = HubSource(name)
        assert source.name == f"hf:{name}"
        return [item.photo_id for item in source.items()]

    assert ids(REPO) == [*NAMES, "green"]
    assert ids(f"{REPO}@main/photos.parquet") == NAMES
    assert ids(f"{REPO}@{hub.commit(REPO)}/photos.parquet") == NAMES
    assert ids(f"{REPO}/sub") == ["blue", "gold"]
    (conversions,) = HubSource(f"{REPO}/sub").tables()["conversions"]
    assert conversions.path.name == "conversions-all.parquet"
    assert conversions.origin == f"hf:{REPO}@main/sub/conversions-all.parquet"


def test_paths_in_a_data_set_from_elsewhere_are_refused(hub: Hub, tmp_path: Path) -> None:
    urls = ["file:///etc/passwd", "../../x.jpg", "/etc/passwd"]
    hub.files[REPO]["photos.parquet"] = photos(NAMES, photo_image_url=urls)
    found = list(HubSource(REPO).items())
    assert [item.problem.code for item in found if item.problem] == ["bad-row"] * 3
    assert "has an address that is not http(s): file:///etc/passwd" in str(found[0].problem)


def test_whose_vectors(hub: Hub, library: vistazo.Library) -> None:
    other = HubSource(REPO).for_encoder(EncoderSpec("clip", 4, "1"))
    assert "are of the encoder 'colours' and the library's is 'clip'" in other.notes[0]
    assert {item.embedding is None for item in other.items()} == {True}
    told = HubSource(REPO, vectors_of="clip").for_encoder(EncoderSpec("clip", 4, "1"))
    assert {item.embedding is None for item in told.items()} == {False}


class TestTokens:
    def test_from_the_environment(self, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
        hub.tokens[REPO] = {"hf_good"}
        monkeypatch.setenv("HF_TOKEN", "hf_good")
        assert len(list(HubSource(REPO).items())) == 3

    def test_given(self, hub: Hub) -> None:
        hub.tokens[REPO] = {"hf_good"}
        assert len(list(HubSource(REPO, token="hf_good").items())) == 3

    def test_none(self, hub: Hub) -> None:
        hub.tokens[REPO] = {"hf_good"}
        with pytest.raises(SourceError) as caught:
            HubSource(REPO)
        assert str(caught.value) == (
            "there is no data set ana/pictures on the Hub;"
            " check the name, or set HF_TOKEN if it is private"
        )

    def test_one_that_may_not(self, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
        hub.tokens[REPO] = {"hf_good"}
        monkeypatch.setenv("HF_TOKEN", "hf_secret")
        with pytest.raises(SourceError) as caught:
            HubSource(REPO)
        assert str(caught.value) == (
            "there is no data set ana/pictures on the Hub;"
            " check the name, and that your token may read it"
        )

    @pytest.mark.parametrize("status", [401, 403])
    def test_refused(self, hub: Hub, monkeypatch: pytest.MonkeyPatch, status: int) -> None:
        monkeypatch.setenv("HF_TOKEN", "hf_secret")
        hub.status = status
        with pytest.raises(SourceError, match="HF_TOKEN|your token") as caught:
            HubSource(REPO)
        assert "hf_secret" not in str(caught.value)

    def test_gated(self, hub: Hub) -> None:
        hub.gated.add(REPO)
        with pytest.raises(SourceError) as caught:
            HubSource(REPO)
        assert str(caught.value) == (
            f"the data set ana/pictures is gated: accept its terms at {hub.url}/datasets/"
            "ana/pictures and set HF_TOKEN to your token"
        )


class TestNames:
    def test_none_on_the_hub(self, hub: Hub) -> None:
        with pytest.raises(SourceError, match="^there is no data set ana/none on the Hub; "):
            HubSource("ana/none")

    def test_no_such_revision(self, hub: Hub) -> None:
        with pytest.raises(SourceError, match="has no revision v1/x; check its name$"):
            HubSource(f"{REPO}@v1%2Fx")

    @pytest.mark.parametrize("name", ["pictures", "ana/", "/x", "ana/x@", "a@b/c"])
    def test_that_are_none(self, hub: Hub, name: str) -> None:
        with pytest.raises(SourceError, match="names no data set; write hf:OWNER/DATASET"):
            HubSource(name)

    def test_that_cannot_be(self, hub: Hub) -> None:
        with pytest.raises(SourceError, match="cannot be the name of a data set"):
            HubSource("ana/.. --")

    def test_no_photos(self, hub: Hub) -> None:
        hub.files["ana/texts"] = {"README.md": b"x"}
        with pytest.raises(SourceError, match="texts; it has no Parquet file at all$"):
            HubSource("ana/texts")
        hub.files["ana/texts"]["data/train.parquet"] = photos(NAMES)
        with pytest.raises(SourceError, match="as hf:ana/texts/FILE: data/train.parquet$"):
            HubSource("ana/texts")
        assert len(list(HubSource("ana/texts/data/train.parquet").items())) == 3

    def test_damaged(self, hub: Hub) -> None:
        hub.files[REPO]["photos.parquet"] = photos(NAMES)[:-9]
        with pytest.raises(SourceError, match=r"photos\.parquet is damaged or no photos table"):
            list(HubSource(REPO).items())


class TestNetwork:
    def test_none(self, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
        with pytest.raises(SourceError) as caught:
            HubSource(REPO)
        assert str(caught.value).startswith(
            "the data set ana/pictures cannot be had, because the Hub cannot be reached ("
        )
        assert str(caught.value).endswith("); check the network")

    def test_none_and_downloaded_before(
        self, hub: Hub, monkeypatch: pytest.MonkeyPatch, library: vistazo.Library
    ) -> None:
        library.index(f"hf:{REPO}", encoder=ColourEncoder())
        monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
        report = library.index(f"hf:{REPO}")
        assert report.unchanged == 3
        assert report.loads["conversions.parquet"].state == "unchanged"
        assert report.notes[0].startswith(
            "the data set ana/pictures is taken from this machine's cache: the Hub cannot be"
        )

    def test_offline_mode(self, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
        list(HubSource(REPO).items())
        hub.asked.clear()
        offline(monkeypatch)
        source = HubSource(REPO)
        assert len(list(source.items())) == 3
        assert "HF_HUB_OFFLINE is set" in source.notes[0]
        with pytest.raises(SourceError, match="HF_HUB_OFFLINE is set; unset it$"):
            HubSource("ana/never")
        assert hub.asked == []

    def test_the_hub_is_down(self, hub: Hub) -> None:
        hub.status = 500
        with pytest.raises(SourceError, match="because the Hub answers 500; try again later$"):
            HubSource(REPO)

    def test_it_fails_between_list_and_file(self, hub: Hub) -> None:
        source = HubSource(REPO)
        del hub.files[REPO]["photos.parquet"]
        with pytest.raises(SourceError, match="a file of .* is gone; run the same command again$"):
            list(source.items())

    def test_a_cache_that_cannot_be_written(self, hub: Hub, tmp_path: Path) -> None:
        (tmp_path / "cache").write_text("in the way")
        with pytest.raises(SourceError):
            list(HubSource(REPO).items())


def test_without_the_client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(Unsupported, match=r'Run: pip install "vistazo\[hub\]"$'):
        HubSource(REPO)


def test_the_command_line_takes_everything_from_the_environment(hub: Hub, tmp_path: Path) -> None:
    hub.tokens[REPO] = {"hf_good"}
    environment = os.environ | {"HF_HOME": str(tmp_path / "home")}

    def run(**variables: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-W", "error", "-m", "vistazo.cli.main", "index",
                   f"hf:{REPO}/photos.parquet", "--db", str(tmp_path / "library")]  # fmt: skip
        return subprocess.run(
            command, capture_output=True, text=True, check=False, env=environment | variables
        )

    refused = run()
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr == (
        "error: there is no data set ana/pictures on the Hub;"
        " check the name, or set HF_TOKEN if it is private\n"
    )
    assert not (tmp_path / "library").exists()
    lost = run(HF_ENDPOINT="http://127.0.0.1:9")
    assert lost.returncode == 1
    assert lost.stderr.startswith("error: the data set ana/pictures cannot be had, because the Hub")
    assert lost.stderr.count("\n") == 1
