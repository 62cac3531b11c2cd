"""Publishing with the real `huggingface_hub` to a Hub on loopback; real `datasets` reads it back.

Large files go by LFS here; the client's default, Xet, is off: see `hub_stub`.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from huggingface_hub import constants, utils

from conftest import paint
from e2e.cli import PROGRAM, error_of, run
from hub_stub import TOKEN, HubStub, hub_stub
from vistazo.datasets.publish import PublishReport, publish
from vistazo.errors import DatasetError, HubError, Unsupported, UsageError

NAME = "owner/photos"
FILES = ("README.md", "conversions.parquet", "photos.parquet")
# The client's own way of sending files.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("built")
    for name in ("red", "green", "blue"):
        paint(home / "pictures" / f"{name}.png", name)
    (home / "pictures" / "captions.csv").write_text("photo_id\nred\ngreen\nblue\n")
    (home / "log.tsv").write_text("photo_id\tkeyword\nred\tfire\nblue\tsea\nnobody\tx\n")
    made = run(
        *("dataset", "build", "pictures", "--conversions", "log.tsv", "--out", "dataset"),
        *("--image-base-url", "https://photos.example.org"),
        cwd=home,
    )
    assert made.returncode == 0, made.stderr
    return home / "dataset"


@pytest.fixture
def dataset(built: Path, tmp_path: Path) -> Path:
    """A copy that a test may change."""
    (tmp_path / "dataset").mkdir()
    for name in FILES:
        shutil.copy(built / name, tmp_path / "dataset" / name)
    return tmp_path / "dataset"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[HubStub]:
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.delenv("HF_TOKEN", raising=False)
    with hub_stub() as stub:
        yield stub
        utils.close_session()


@pytest.fixture
def waited(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that would have been waited."""
    seconds: list[float] = []
    monkeypatch.setattr(time, "sleep", seconds.append)
    return seconds


def send(hub: HubStub, folder: Path, *, public: bool = False, token: str = TOKEN) -> PublishReport:
    return publish(folder, NAME, public=public, token=token, endpoint=hub.url)


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def published(hub: HubStub) -> dict[str, bytes]:
    repository = hub.repositories[NAME]
    files = dict(repository.commits[repository.head])
    del files[".gitattributes"]
    return files


# Whole ways, as users go them


READ_BACK = """
import json, sys
from datasets import load_dataset
for name in ("photos", "conversions"):
    read = load_dataset(sys.argv[1], data_files=f"{name}.parquet", split="train")
    print(json.dumps(read.to_list()))
print(json.dumps(load_dataset(sys.argv[1], split="train").column_names))
"""


def test_publish_and_read_back(hub: HubStub, built: Path, tmp_path: Path) -> None:
    env = hub.environment(tmp_path)
    result = run("dataset", "publish", str(built), NAME, cwd=tmp_path, env=env)
    assert result.returncode == 0, result.stderr
    assert result.stdout == (
        f"photos.parquet, conversions.parquet, README.md published at {hub.url}/datasets/{NAME}\n"
    )
    assert result.stderr.startswith("note: only you can read it;")
    assert hub.repositories[NAME].private
    assert sorted(published(hub)) == sorted(FILES)
    assert 'load_dataset("owner/photos", ' in published(hub)["README.md"].decode()
    # A download that is cut is taken up again by the client.
    cut = hub.fail(f"/store/{sha256(built / 'photos.parquet')}", method="GET", cut=True)
    read = subprocess.run(
        [sys.executable, "-c", READ_BACK, NAME],
        env={"PATH": "", "HOME": str(tmp_path), **env},
        capture_output=True,
        text=True,
    )
    assert read.returncode == 0, read.stderr
    photos, conversions, columns = map(json.loads, read.stdout.splitlines())
    assert photos == pq.read_table(built / "photos.parquet").to_pylist()
    assert [row["photo_id"] for row in photos] == ["blue", "green", "red"]
    assert conversions == pq.read_table(built / "conversions.parquet").to_pylist()
    assert columns == ["id", "photo_id", "photo_image_url", "photo_embed"]
    assert cut.times == 0


def test_again_sends_nothing(hub: HubStub, dataset: Path) -> None:
    first = send(hub, dataset)
    assert first.sent == ("photos.parquet", "conversions.parquet", "README.md")
    assert first.commit == hub.repositories[NAME].head
    hub.requests.clear()
    again = send(hub, dataset)
    assert again == PublishReport(NAME, first.url, first.commit, (), private=True)
    assert {method for method, path in hub.requests if "paths-info" not in path} == {"GET"}
    assert len(hub.repositories[NAME].commits) == 2


def test_only_what_has_changed_is_sent(hub: HubStub, dataset: Path) -> None:
    send(hub, dataset)
    hub.requests.clear()
    table = pq.read_table(dataset / "conversions.parquet")
    pq.write_table(table.slice(1), dataset / "conversions.parquet")
    assert send(hub, dataset).sent == ("conversions.parquet",)
    assert hub.uploads() == [sha256(dataset / "conversions.parquet")]
    assert published(hub)["conversions.parquet"] == (dataset / "conversions.parquet").read_bytes()


def test_a_failed_upload_is_resumed(hub: HubStub, dataset: Path) -> None:
    missing = sha256(dataset / "conversions.parquet")
    fault = hub.fail(f"/store/{missing}", method="PUT", status=403, times=-1)
    with pytest.raises(HubError, match="the token may not write to owner/photos"):
        send(hub, dataset)
    assert list(hub.store) == [sha256(dataset / "photos.parquet")]
    fault.times = 0
    hub.requests.clear()
    assert send(hub, dataset).sent == ("photos.parquet", "conversions.parquet", "README.md")
    assert hub.uploads() == [missing]
    assert published(hub)["photos.parquet"] == (dataset / "photos.parquet").read_bytes()


def test_a_killed_upload_is_resumed(hub: HubStub, dataset: Path, tmp_path: Path) -> None:
    photos, missing = (sha256(dataset / f"{name}.parquet") for name in ("photos", "conversions"))
    hold = threading.Event()
    hub.fail(f"/store/{missing}", method="PUT", hold=hold)
    env = {**os.environ, "HOME": str(tmp_path), **hub.environment(tmp_path)}
    command = [*PROGRAM, "dataset", "publish", str(dataset), NAME]
    with subprocess.Popen(command, env=env, stderr=subprocess.PIPE) as process:
        deadline = time.monotonic() + 30
        while not (photos in hub.store and missing in hub.uploads()):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.kill()
    hold.set()
    hub.requests.clear()
    again = run("dataset", "publish", str(dataset), NAME, cwd=tmp_path, env=env)
    assert again.returncode == 0, again.stderr
    assert hub.uploads() == [missing]
    assert sorted(published(hub)) == sorted(FILES)


# Who may read it


def test_public(hub: HubStub, dataset: Path) -> None:
    assert not send(hub, dataset, public=True).private
    assert not hub.repositories[NAME].private


def test_from_private_to_public_after_the_files(hub: HubStub, dataset: Path) -> None:
    send(hub, dataset)
    hub.requests.clear()
    assert send(hub, dataset, public=True).sent == ()
    assert not hub.repositories[NAME].private
    assert hub.requests[-1] == ("PUT", f"/api/datasets/{NAME}/settings")


def test_a_public_dataset_is_not_written_to_by_accident(hub: HubStub, dataset: Path) -> None:
    hub.add_repository(NAME)
    with pytest.raises(HubError, match="exists and is public: give --public, or another name"):
        send(hub, dataset)
    assert not hub.uploads()
    assert send(hub, dataset, public=True).sent


def test_addresses_of_local_files_do_not_become_public(hub: HubStub, dataset: Path) -> None:
    table = pq.read_table(dataset / "photos.parquet")
    urls = ["https://example.org/a.jpg", "file:///home/me/b.jpg", "https://example.org/c.jpg"]
    table = table.set_column(2, "photo_image_url", [urls])
    pq.write_table(table, dataset / "photos.parquet")
    with pytest.raises(DatasetError, match="build it again with --image-base-url"):
        send(hub, dataset, public=True)
    assert hub.requests == []
    assert send(hub, dataset).private


# What can go wrong


def test_bad_token(hub: HubStub, dataset: Path, tmp_path: Path) -> None:
    env = hub.environment(tmp_path) | {"HF_TOKEN": "hf_secretSecretSecret"}
    result = run("dataset", "publish", str(dataset), NAME, cwd=tmp_path, env=env)
    assert error_of(result) == (
        "the Hub does not accept the token: make one that may write at"
        f" {hub.url}/settings/tokens and give it in HF_TOKEN"
    )
    assert result.returncode == 1
    result = run("dataset", "publish", str(dataset), NAME, "--token", TOKEN, cwd=tmp_path, env=env)
    assert result.returncode == 0, result.stderr
    assert TOKEN not in result.stdout + result.stderr


def test_the_token_is_never_shown(hub: HubStub, dataset: Path, waited: list[float]) -> None:
    hub.fail("/commit/", status=418, times=-1, body={"error": f"Bearer {TOKEN}?"})
    with pytest.raises(HubError, match=r"the Hub refuses \(418\): Bearer \*\*\*\?$"):
        send(hub, dataset)
    for token in ("hf_two\nlines", "hf_ñ"):
        with pytest.raises(HubError, match="characters that no token has") as caught:
            send(hub, dataset, token=token)
        assert "hf_" not in str(caught.value)


def test_no_token(hub: HubStub, dataset: Path, tmp_path: Path) -> None:
    env = hub.environment(tmp_path) | {"HF_TOKEN": ""}
    result = run("dataset", "publish", str(dataset), NAME, cwd=tmp_path, env=env)
    assert error_of(result).startswith("there is no token for the Hub: give one that may write in")
    assert hub.requests == []


@pytest.mark.parametrize("path", ["repos/create", "preupload", "objects/batch", "/commit/"])
def test_no_permission(hub: HubStub, dataset: Path, path: str) -> None:
    hub.fail(path, status=403, times=-1, body={"error": "Forbidden"})
    with pytest.raises(
        HubError, match="may not write to owner/photos: use one with write access, of owner or of"
    ):
        send(hub, dataset)


@pytest.mark.parametrize("path", ["repos/create", "preupload", "/commit/"])
def test_not_found(hub: HubStub, dataset: Path, path: str) -> None:
    hub.fail(path, status=404, times=-1, headers={"X-Error-Code": "RepoNotFound"})
    with pytest.raises(HubError, match="the Hub has no owner/photos for you: check the owner's"):
        send(hub, dataset)


@pytest.mark.parametrize(
    "name",
    ["photos", "a/b/c", "/photos", "owner/", "owner/my photos", "owner/a--b", "owner/..", ""]
    + ["owner/x.git", "-owner/x", "owner/" + "x" * 96, "owner/фото", "owner/x\n"],
)
def test_names_that_cannot_be(hub: HubStub, dataset: Path, name: str) -> None:
    with pytest.raises(UsageError, match="is no name for a dataset: write owner/name"):
        publish(dataset, name, token=TOKEN, endpoint=hub.url)
    assert hub.requests == []


def test_too_many_requests_once(hub: HubStub, dataset: Path, tmp_path: Path) -> None:
    """One call that is ours to repeat, and one that the client repeats."""
    for path in ("repos/create", "objects/batch"):
        hub.fail(path, status=429, headers={"Retry-After": "1"})
    env = hub.environment(tmp_path)
    result = run("dataset", "publish", str(dataset), NAME, cwd=tmp_path, env=env)
    assert result.returncode == 0, result.stderr
    notes = result.stderr.splitlines()
    assert notes[0] == "note: the Hub has had too many requests; trying again in 1 s"
    assert notes[1] == "note: the upload stopped; trying again in 2 s"
    assert sorted(published(hub)) == sorted(FILES)


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        ({"Retry-After": "7"}, [7.0] * 4),
        ({"RateLimit": '"api";r=0;t=55'}, [55.0] * 4),
        ({"Retry-After": "Wed, 01 Jan 2020 00:00:00 GMT"}, [0.0] * 4),
        ({"Retry-After": "soon"}, [1.0, 2.0, 4.0, 8.0]),
        ({}, [1.0, 2.0, 4.0, 8.0]),
        ({"Retry-After": "3600"}, []),
    ],
)
def test_too_many_requests_for_good(
    hub: HubStub,
    dataset: Path,
    waited: list[float],
    headers: dict[str, str],
    wait_s: list[float],
) -> None:
    hub.fail("repos/create", status=429, times=-1, headers=headers)
    with pytest.raises(HubError, match="too many requests: .*run the same command again"):
        send(hub, dataset)
    assert waited == wait_s


def test_a_long_wait_is_told(hub: HubStub, dataset: Path) -> None:
    hub.fail("repos/create", status=429, headers={"Retry-After": "3600"})
    with pytest.raises(HubError, match="too many requests: in 3600 s run the same command again"):
        send(hub, dataset)


@pytest.mark.parametrize(
    "path", ["repos/create", "preupload", "objects/batch", "/store/", "/commit/"]
)
def test_a_cut_connection_is_tried_again(
    hub: HubStub, dataset: Path, waited: list[float], path: str
) -> None:
    hub.fail(path, method="PUT" if path == "/store/" else "POST", cut=True)
    assert send(hub, dataset).sent
    assert waited == [1.0]
    assert sorted(published(hub)) == sorted(FILES)


def test_a_commit_whose_answer_was_lost_is_not_made_twice(
    hub: HubStub, dataset: Path, waited: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    import hub_stub as module

    original = module._Handler._send
    fault = hub.fail("never", cut=True)

    def send_and_cut(self: module._Handler, status: int, body: bytes, headers: dict) -> None:
        if "/commit/" in self.path and fault.times:
            fault.times = 0
            self.close_connection = True
            return
        original(self, status, body, headers)

    monkeypatch.setattr(module._Handler, "_send", send_and_cut)
    report = send(hub, dataset)
    assert report.commit == hub.repositories[NAME].head
    assert len(hub.repositories[NAME].commits) == 2
    assert waited == [1.0]


def test_a_connection_that_stays_cut(hub: HubStub, dataset: Path, waited: list[float]) -> None:
    hub.fail("/store/", method="PUT", cut=True, times=-1)
    with pytest.raises(HubError, match="the connection to http://127.* fails: check the network"):
        send(hub, dataset)
    assert max(waited) <= 8
    assert not hub.store


def test_a_hub_that_fails(hub: HubStub, dataset: Path, waited: list[float]) -> None:
    hub.fail("/commit/", status=503, times=-1)
    with pytest.raises(HubError, match=r"the Hub fails \(503\): later run the same command again"):
        send(hub, dataset)
    assert waited == [1.0, 2.0, 4.0, 8.0]


def test_a_wrong_checksum(hub: HubStub, dataset: Path) -> None:
    wrong = sha256(dataset / "photos.parquet")
    hub.fail(f"/store/{wrong}", method="PUT", corrupt=True)
    with pytest.raises(HubError, match="the Hub got other bytes than were sent, by their checksum"):
        send(hub, dataset)
    # The other file may have been sent before all was given up, or not.
    missing = {sha256(dataset / name) for name in FILES if name.endswith(".parquet")} - {*hub.store}
    hub.requests.clear()
    assert send(hub, dataset).sent
    assert wrong in missing
    assert sorted(hub.uploads()) == sorted(missing)


def test_other_bytes_after_the_commit(hub: HubStub, dataset: Path) -> None:
    """The last look finds what no answer has told."""
    other = (dataset / "photos.parquet").read_bytes()[::-1]
    hub.store[sha256(dataset / "photos.parquet")] = other
    with pytest.raises(HubError, match="photos.parquet on the Hub has another checksum"):
        send(hub, dataset)


def test_no_network(dataset: Path, waited: list[float]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(HubError, match=f"the connection to http://127.0.0.1:{port} fails: check"):
        publish(dataset, NAME, token=TOKEN, endpoint=f"http://127.0.0.1:{port}")
    assert waited == [1.0, 2.0, 4.0, 8.0]


def test_offline_mode(hub: HubStub, dataset: Path, tmp_path: Path) -> None:
    env = hub.environment(tmp_path) | {"HF_HUB_OFFLINE": "1"}
    result = run("dataset", "publish", str(dataset), NAME, cwd=tmp_path, env=env)
    assert error_of(result) == (
        "the Hub cannot be reached in offline mode: unset HF_HUB_OFFLINE to publish"
    )
    assert hub.requests == []


def test_something_else_than_a_hub(hub: HubStub, dataset: Path) -> None:
    hub.fail("", status=200, times=-1, body={"hello": "world"})
    with pytest.raises(HubError, match="does not answer like the Hub: check HF_ENDPOINT"):
        send(hub, dataset)


def test_a_card_the_hub_does_not_take(hub: HubStub, dataset: Path) -> None:
    (dataset / "README.md").write_text("no front matter")
    with pytest.raises(HubError, match="no metadata"):
        send(hub, dataset)


def test_without_the_client(dataset: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(Unsupported, match=r'Run: pip install "vistazo\[hub\]"$'):
        publish(dataset, NAME, token=TOKEN)


@pytest.mark.parametrize("file", FILES)
def test_no_whole_dataset(hub: HubStub, dataset: Path, file: str) -> None:
    content = (dataset / file).read_bytes()
    (dataset / file).unlink()
    with pytest.raises(DatasetError, match=f"{file} is missing or damaged. Run: vistazo dataset"):
        send(hub, dataset)
    if file != "README.md":
        (dataset / file).write_bytes(content[:-20])
        with pytest.raises(DatasetError, match=f"{file} is missing or damaged"):
            send(hub, dataset)
        pq.write_table(pq.read_table(_other(dataset, file)), dataset / file)
        with pytest.raises(DatasetError, match=f"{file} has other columns"):
            send(hub, dataset)
    assert hub.requests == []


def _other(dataset: Path, file: str) -> Path:
    return dataset / next(name for name in FILES[1:] if name != file)
