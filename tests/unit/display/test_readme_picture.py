import importlib.util
import sys
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).parents[3]
PHOTOS = sorted((ROOT / "sample" / "photos" / "images").glob("*.jpg"))[:10]


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location(
        "readme_picture", ROOT / "tools" / "readme_picture.py"
    )
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


def test_ten_photographs_make_two_flush_rows(tool):
    results = [
        tool.Shown(tool.open_picture(str(path)), 0.4 - number / 100, "Somebody · CC-BY-4.0")
        for number, path in enumerate(PHOTOS)
    ]
    assert len(results) == 10
    picture = tool.compose_results("calm water at dusk", results)
    assert (picture.mode, picture.width) == ("RGB", 1400)
    assert 500 < picture.height < 800
    paper = (247, 247, 245)
    assert picture.getpixel((0, 0)) == paper
    # both rows reach the right margin, and nothing goes beyond
    columns = [
        any(picture.getpixel((x, y)) != paper for y in range(146, picture.height - 20))
        for x in (48, 1350, 1353)
    ]
    assert columns == [True, True, False]


def test_a_picture_keeps_its_colours(tool):
    shown = tool.Shown(Image.new("RGB", (600, 400), (200, 30, 40)), 0.5)
    picture = tool.compose_results("red", [shown], rows=2)
    assert picture.getpixel((100, 200)) == (200, 30, 40)


@pytest.mark.parametrize(
    ("photographer", "licence", "credit"),
    [("Ian  Hex", "LGPL-3.0", "Ian Hex · LGPL-3.0"), ("", "CC0-1.0", "CC0-1.0"), ("", "", "")],
)
def test_credits_name_what_is_known(tool, photographer, licence, credit):
    assert tool.credit_line(photographer, licence) == credit
