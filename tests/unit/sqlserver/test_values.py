"""What may stand in the data of INSERT .. VALUES, where the engine evaluates expressions."""

import pytest

from vistazo.sqlserver.pipeline import Pipeline


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
    assert Pipeline.are_literals(data)


@pytest.mark.parametrize(
    "data",
    [
        b"(file('/etc/passwd'))",
        b"('a'), (file ('x'))",
        b"('\\\\', file('x'))",
        b"('a''', file('x'), '')",
        b"((SELECT 1))",
        b"(x'41')",
        b"('unclosed",
        b"(now /* ' */ ())",
        b"({name:String})",
        b"(`a`)",
    ],
)
def test_everything_else_is_judged_with_its_statement(data: bytes) -> None:
    assert not Pipeline.are_literals(data)
