import zlib

import pytest

from vistazo.errors import InvalidSQL
from vistazo.sqlserver.http.compression import Decoder, accepted, encoder

NAMES = ("gzip", "deflate", "br", "lz4", "zstd", "native")


def packed(name: str, data: bytes) -> bytes:
    packer = encoder(name)
    return packer.compress(data) + packer.flush()


@pytest.mark.parametrize("name", NAMES)
def test_pieces_of_any_size_come_back_whole(name: str) -> None:
    data = b"".join(b"%d row\n" % n for n in range(100_000))
    body = packed(name, data)
    for step in (1, 977, 1 << 20) if len(body) < 300_000 else (977, 1 << 20):
        decoder = Decoder([name], len(data))
        found = b"".join(
            piece
            for at in range(0, len(body), step)
            for piece in decoder.feed(body[at : at + step])
        )
        decoder.end()
        assert found == data


@pytest.mark.parametrize("name", NAMES)
def test_nothing_comes_out_beyond_the_bound(name: str) -> None:
    decoder = Decoder([name], 1 << 20)
    pieces: list[bytes] = []
    with pytest.raises(InvalidSQL, match="the limit of this server") as info:
        pieces.extend(decoder.feed(packed(name, bytes(64 << 20))))
    assert info.value.engine_code == 307
    assert sum(map(len, pieces)) <= 1 << 20


@pytest.mark.parametrize("name", NAMES)
def test_a_cut_body_is_an_error(name: str) -> None:
    decoder = Decoder([name], 1 << 20)
    list(decoder.feed(packed(name, b"hello " * 1000)[:-3]))
    with pytest.raises(InvalidSQL) as info:
        decoder.end()
    assert info.value.engine_code == 271


def test_frames_one_after_the_other_and_two_encodings() -> None:
    for name in ("gzip", "lz4", "zstd", "native"):
        decoder = Decoder([name], 100)
        assert b"".join(decoder.feed(packed(name, b"one") + packed(name, b"two"))) == b"onetwo"
        decoder.end()
    decoder = Decoder(["native", "gzip"], 100)
    assert b"".join(decoder.feed(zlib.compress(packed("native", b"x"), wbits=31))) == b"x"
    decoder.end()


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("gzip, deflate, br", "br"),
        ("lz4,zstd,br,gzip,deflate", "zstd"),
        ("gzip;q=0, deflate;q=0.5", "deflate"),
        ("identity", None),
        ("", None),
    ],
)
def test_the_answer_comes_in_an_encoding_the_client_takes(header: str, name: str | None) -> None:
    assert accepted(header) == name
