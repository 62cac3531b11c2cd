"""A query as SQL that people read, change and run: values stand in the text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vistazo.records import Float32Array, Query
    from vistazo.search.query import Parsed, Term
    from vistazo.store.filters import Filter

_PART = (
    "-- The pictures' part: words, downloads, folding and variety order hits too, and are left out."
)
_COLUMNS = "photo_id, description, width, height"


def view_sql(
    query: Query | None, parsed: Parsed | None, filters: Filter, k: int, *, ordered: bool = False
) -> str:
    """The statement whose rows are the first k hits; `embed('..')` stands for a text's vector.

    Args:
        parsed: the query's text, when it has one.
        ordered: more than the pictures' scores makes the order, and the statement says so.
    """
    lines = [f"SELECT {_COLUMNS}"]
    conditions = [_filled(filters)] if filters.sql else []
    order = "added_at DESC, photo_id"
    if query is not None and not (parsed and not parsed.terms):
        if parsed is not None:
            target = _sum(parsed, query)
            apart = parsed.photo_ids
        elif query.photo_id is not None:
            target, apart = _of_photo(query.photo_id), (query.photo_id,)
        else:
            target, apart = _numbers(query.vector), ()
        conditions += [f"photo_id != {_literal(each)}" for each in apart]
        lines[0] += f",\n    distance(photo_embed, {target}) AS distance"
        order = "distance, photo_id"
    lines.append("FROM photos")
    if conditions:
        lines.append("WHERE " + "\n    AND ".join(f"({each})" for each in conditions))
    lines += [f"ORDER BY {order}", f"LIMIT {int(k)}"]
    if ordered:
        lines.insert(0, _PART)
    return "\n".join(lines)


def _sum(parsed: Parsed, query: Query) -> str:
    """The vector of a text's terms; a distance does not depend on its length."""
    if parsed.plain:
        return f"embed({_literal(parsed.terms[0].value)})"
    vectors = [_of_term(term, query) for term in parsed.terms]
    if len(vectors) == 1 and parsed.terms[0].weight > 0:
        return vectors[0]
    names = [f"v{number}" for number in range(1, len(vectors) + 1)]
    parts = ""
    for name, term in zip(names, parsed.terms, strict=True):
        sign = "-" if term.weight < 0 else "+" if parts else ""
        factor = "" if abs(term.weight) == 1 else f"{abs(term.weight):.6g} * "
        parts += f" {sign} {factor}{name}" if parts else f"{sign}{factor}{name}"
    return f"arrayMap(({', '.join(names)}) -> {parts}, {', '.join(vectors)})"


def _of_term(term: Term, query: Query) -> str:
    if term.kind == "text":
        return f"embed({_literal(term.value)})"
    if term.kind == "photo":
        return _of_photo(term.value)
    return _numbers((query.images or {}).get(term.value))


def _of_photo(photo_id: str) -> str:
    return f"(SELECT photo_embed FROM photos WHERE photo_id = {_literal(photo_id)} LIMIT 1)"


def _numbers(vector: Float32Array | None) -> str:
    numbers = [] if vector is None else [f"{number:.5f}" for number in vector.tolist()]
    return f"[{', '.join(numbers)}]"


def _filled(filters: Filter) -> str:
    values = filters.params or {}

    def fill(place: re.Match[str]) -> str:
        value = values[place[1]]
        if place[2] == "Array(String)":
            return f"[{', '.join(map(_literal, value))}]"
        if place[2] == "Float64":
            return f"{value:.15g}"
        text = _literal(str(value))
        return text if place[2] == "String" else f"toDateTime64({text}, 0, 'UTC')"

    return re.sub(r"\{(\w+):([^}]+)\}", fill, filters.sql)


def _literal(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    for plain, shown in (("\n", "\\n"), ("\r", "\\r"), ("\t", "\\t"), ("\0", "\\0")):
        escaped = escaped.replace(plain, shown)
    return f"'{escaped}'"
