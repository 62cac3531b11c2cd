"""What may stand in the data of INSERT .. VALUES, where the engine evaluates expressions."""

from collections.abc import Mapping

import pytest

from vistazo.errors import InvalidSQL
from vistazo.sqlserver.statements import CheckedLike, Pipeline, TranslationLike


class Refused(Exception):
    """What the guard got."""


def check(
    sql: str, *, may_write: bool, settings: Mapping[str, str], internal: bool = False
) -> CheckedLike:
    assert not may_write
    assert not internal
    raise Refused(sql)


def translate(sql: str, params: Mapping[str, str], database: str = "default") -> TranslationLike:
    raise AssertionError("data is not translated")


PIPELINE = Pipeline(translate, check)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"(1, 'a'), (-2.5e-3, NULL)",
        b"('it''s', 'a\\'b', [1, 2], {'k': 'v'}, true)\n(1);",
        "('naïve; DROP TABLE t; file(''x'')')".encode(),
    ],
)
def test_literals_need_no_guard(data: bytes) -> None:
    PIPELINE.check_values(data, {})


@pytest.mark.parametrize(
    "data",
    [
        b"(file('/etc/passwd'))",
        b"('a'), (file ('x'))",
        b"('\\\\', file('x'))",
        b"('a''', file('x'), '')",
        b"((SELECT 1))",
        b"(1 + 1)",
        b"(x'41')",
        b"('unclosed",
        b"(now /* ' */ ())",
        b"({name:String})",
        b"(`a`)",
    ],
)
def test_everything_else_is_shown_to_the_guard(data: bytes) -> None:
    with pytest.raises(Refused) as info:
        PIPELINE.check_values(data, {})
    assert info.value.args == (f"SELECT {data.decode()}",)


def test_no_statement_at_all_is_an_error() -> None:
    class Nothing:
        statements: tuple[str, ...] = ()
        params: Mapping[str, str] = {}
        settings: Mapping[str, str] = {}
        done = None
        internal = False

    pipeline = Pipeline(lambda sql, params, database="default": Nothing(), check)
    with pytest.raises(InvalidSQL):
        pipeline.plan("", {}, {}, "default", may_write=False)
