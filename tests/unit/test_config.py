from pathlib import Path

import pytest

from vistazo.config import Settings
from vistazo.errors import InvalidSetting


def load(tmp_path: Path, toml: str = "", flags: object = None, **environ: str) -> Settings:
    if toml:
        (tmp_path / "vistazo.toml").write_text(toml)
    return Settings.load(flags, environ=environ, folder=tmp_path)  # type: ignore[arg-type]


def test_defaults(tmp_path: Path) -> None:
    assert load(tmp_path) == Settings()


def test_flags_win_over_variables_over_the_file(tmp_path: Path) -> None:
    toml = 'db = "file"\nencoder = "offline"\nbatch_size = 8\n'
    settings = load(tmp_path, toml, {"db": "flag"}, VISTAZO_DB="var", VISTAZO_BATCH_SIZE="16")
    assert (settings.db, settings.batch_size, settings.encoder) == ("flag", 16, "offline")


def test_flags_that_were_not_given_and_empty_variables_count_for_nothing(tmp_path: Path) -> None:
    settings = load(tmp_path, 'db = "file"\n', {"db": None, "encoder": None}, VISTAZO_DB="")
    assert (settings.db, settings.encoder) == ("file", "auto")


def test_other_variables_are_not_ours(tmp_path: Path) -> None:
    assert load(tmp_path, VISTAZO_GRAPHICS="none", PATH="x") == Settings()


def test_the_library_is_in_the_data_directory_by_default(tmp_path: Path) -> None:
    assert load(tmp_path).library_path().endswith("vistazo/library")
    assert load(tmp_path, VISTAZO_DB="here").library_path() == "here"


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ("dbb = 'x'", "there is no setting dbb"),
        ("treads = 2", "did you mean threads?"),
        ("batch_size = 0", "batch_size .* must be a whole number above 0, not 0"),
        ("batch_size = 'x'", "must be a whole number above 0, not 'x'"),
        ("threads = -1", "must be a whole number that is not negative, not -1"),
        ("threads = true", "must be a whole number"),
        ("download_concurrency = 0", "download_concurrency .* must be a whole number above 0"),
        ("download_deadline_s = 0", "download_deadline_s .* must be a number above 0, not 0"),
        ("download_deadline_s = nan", "must be a number above 0"),
        ("batch_size = inf", "must be a whole number above 0"),
        ("allow_private_addresses = 2", "must be true or false, not 2"),
        ("allow_private_addresses = 'maybe'", "must be true or false, not 'maybe'"),
        ("wait_s = 'soon'", "must be a number"),
        ("db = 3", "db .* must be a text, not 3"),
        ("db = ", "vistazo.toml' cannot be read"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, toml: str, message: str) -> None:
    with pytest.raises(InvalidSetting, match=message):
        load(tmp_path, toml)


def test_a_wrong_variable_is_named_as_it_is_written(tmp_path: Path) -> None:
    with pytest.raises(
        InvalidSetting, match=r"^VISTAZO_WAIT_S \(the environment\) must be a number"
    ):
        load(tmp_path, VISTAZO_WAIT_S="soon")


def test_a_folder_named_like_the_file_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "vistazo.toml").mkdir()
    assert load(tmp_path) == Settings()


@pytest.mark.parametrize("word", ["true", "True", "1", "yes"])
def test_truth_in_variables(tmp_path: Path, word: str) -> None:
    assert load(tmp_path, VISTAZO_ALLOW_PRIVATE_ADDRESSES=word).allow_private_addresses is True


@pytest.mark.parametrize("word", ["false", "FALSE", "0", "no"])
def test_untruth_in_variables(tmp_path: Path, word: str) -> None:
    toml = "allow_private_addresses = true\n"
    settings = load(tmp_path, toml, VISTAZO_ALLOW_PRIVATE_ADDRESSES=word)
    assert settings.allow_private_addresses is False


def test_truth_in_the_file(tmp_path: Path) -> None:
    assert load(tmp_path, "allow_private_addresses = true\n").allow_private_addresses is True


def test_an_image_query_can_be_empty_in_the_file(tmp_path: Path) -> None:
    assert load(tmp_path, 'image_query = ""\n').image_query == ""


def test_a_password_is_not_shown(tmp_path: Path) -> None:
    settings = Settings.load(
        environ={"VISTAZO_DB": "clickhouse://u:s3cret@h/db", "VISTAZO_DB_PASSWORD": "0ther"},
        folder=tmp_path,
    )
    assert (settings.db, settings.db_password) == ("clickhouse://u:s3cret@h/db", "0ther")
    assert "s3cret" not in repr(settings)
    assert "0ther" not in repr(settings)
    (tmp_path / "vistazo.toml").write_text("db_password = 1234")
    with pytest.raises(InvalidSetting, match="db_password .* must be a text") as caught:
        Settings.load(environ={}, folder=tmp_path)
    assert "1234" not in str(caught.value)
