import pytest

from fakes import ColourEncoder
from vistazo.encoders import registry
from vistazo.encoders.choice import EncoderChoice
from vistazo.encoders.registry import Options
from vistazo.errors import EncoderMismatch, UnknownEncoder
from vistazo.records import EncoderSpec


class Record:
    """What a library has recorded; changes as photos come."""

    def __init__(self, spec: EncoderSpec | None = None) -> None:
        self.spec = spec
        self.asked = 0

    def __call__(self) -> EncoderSpec | None:
        self.asked += 1
        return self.spec


def choice(wanted: object = None, spec: EncoderSpec | None = None) -> EncoderChoice:
    return EncoderChoice("photos", wanted, Options(), Record(spec))  # type: ignore[arg-type]


def test_a_new_library_gets_the_default() -> None:
    assert choice().get().spec.name == "offline"
    assert choice("auto").preview() == registry.resolve("auto")
    assert choice("offline").preview() == ("offline", "")
    assert choice(ColourEncoder()).preview() == ("colours", "")


def test_an_encoder_of_ones_own() -> None:
    own = ColourEncoder()
    assert choice(own).get() is own
    assert choice(own, own.spec).get() is own
    assert choice(None).get(own) is own


def test_it_is_made_once_and_the_record_is_read_until_there_is_one() -> None:
    own = ColourEncoder()
    record = Record()
    kept = EncoderChoice("photos", own, Options(), record)
    kept.get()
    record.spec = own.spec
    assert kept.get() is own
    asked = record.asked
    assert kept.get() is own
    assert record.asked == asked


def test_another_encoder_is_refused() -> None:
    spec = ColourEncoder().spec
    with pytest.raises(EncoderMismatch, match="^the library photos was made with .* 'colours' "):
        choice("offline", spec).get()
    with pytest.raises(EncoderMismatch, match="pass it as vistazo.open"):
        choice(None, spec).get()
    with pytest.raises(EncoderMismatch, match="vectors of 'other' cannot be compared"):
        choice(ColourEncoder(name="other"), spec).get()
    with pytest.raises(EncoderMismatch, match=r"another build of it \(beef\)"):
        choice(ColourEncoder(checksum="beef"), spec).get()


def test_what_is_asked_for_later_is_checked_too() -> None:
    own = ColourEncoder()
    kept = choice(own, own.spec)
    assert kept.get() is own
    with pytest.raises(EncoderMismatch):
        kept.get("offline")


@pytest.mark.parametrize("name", ["", "clap", "Offline", "off\nline"])
def test_an_unknown_name(name: str) -> None:
    with pytest.raises(UnknownEncoder, match="known are auto, offline"):
        registry.create(name)
