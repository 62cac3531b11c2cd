from __future__ import annotations

from dataclasses import replace

from vistazo.ingest.journal import Journal
from vistazo.library import Library
from vistazo.records import Failure

SOURCE = "file:///p"


def failure(name: str, **changes: object) -> Failure:
    whole = Failure(f"{SOURCE}/{name}", "decode", "empty", "it is empty", source=SOURCE)
    return replace(whole, **changes)  # type: ignore[arg-type]


def test_a_run_is_unfinished_until_it_ends(journal: Journal) -> None:
    assert not journal.unfinished()
    first, second = journal.start(SOURCE), journal.start(SOURCE)
    assert first != second
    journal.end(first, SOURCE)
    assert journal.unfinished()
    journal.close_unfinished()
    assert not journal.unfinished()
    journal.end(second, SOURCE)
    assert not journal.unfinished()


def test_failures_come_by_url_and_by_source(journal: Journal) -> None:
    here = failure("b"), failure("a/1", source=f"{SOURCE}/a", fingerprint="f1", attempts=3)
    there = Failure("file:///p2/c", "fetch", "missing", "no", source="file:///p2")
    journal.record([*here, there])
    assert journal.failures() == [here[1], here[0], there]
    assert journal.failures(SOURCE) == [here[1], here[0]]
    assert journal.failures(f"{SOURCE}/a") == [here[1]]
    assert journal.failures("file:///elsewhere") == []


def test_a_later_failure_takes_the_place_of_an_earlier_one(journal: Journal) -> None:
    journal.record([failure("a"), failure("b")])
    again = failure("a", stage="fetch", code="missing", message="it has gone", attempts=2)
    journal.record([again, failure("c")])
    assert journal.failures() == [again, failure("b"), failure("c")]


def test_the_last_of_several_failures_stays_after_a_death_between_writing_and_forgetting(
    journal: Journal, library: Library
) -> None:
    journal.record([failure("a"), failure("b")])
    library.sql(
        "INSERT INTO failures SELECT * REPLACE (now64(3) + 1 AS failed_at, 2 AS attempts)"
        " FROM failures WHERE endsWith(url, 'a')",
        write=True,
    )
    journal.start(SOURCE)
    journal.close_unfinished()
    assert journal.failures() == [failure("a", attempts=2), failure("b")]


def test_clear(journal: Journal) -> None:
    journal.record([])
    journal.record([failure("a"), failure("b")])
    journal.clear([])
    journal.clear([f"{SOURCE}/a", "file:///unknown"])
    assert journal.failures() == [failure("b")]


def test_a_message_is_one_line_of_text(journal: Journal) -> None:
    journal.record([failure("a", message="two\nlines and \udcff")])
    (found,) = journal.failures()
    assert found.message == "two\\nlines and \\udcff"
