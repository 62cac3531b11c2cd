from __future__ import annotations

import pytest

from vistazo.ingest.responses import opted_out


@pytest.mark.parametrize(
    "tags",
    [
        ["noai"],
        ["NoAI, NoImageAI"],
        ["nofollow", "noindex, noimageai"],
        ["vistazo: noai"],
        ["vistazo/0.1: noindex, noai"],
        ["*: noai"],
        ["otherbot: nofollow, vistazo: noai"],
        ["unavailable_after: 25 Jun 2030 15:00:00 PST, noai"],
        ["max-snippet:-1, noai"],
    ],
)
def test_opted_out(tags: list[str]) -> None:
    assert opted_out(tags, "vistazo")


@pytest.mark.parametrize(
    "tags",
    [
        [],
        [""],
        ["none"],
        ["noindex, nofollow"],
        ["otherbot: noai, noimageai"],
        ["otherbot: noai", "all"],
        ["noairships"],
    ],
)
def test_not_opted_out(tags: list[str]) -> None:
    assert not opted_out(tags, "vistazo")
