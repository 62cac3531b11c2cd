"""A query as SQL that people read, change and run: values stand in the text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from vistazo.search.fusion import Blend

if TYPE_CHECKING:
    from vistazo.records import Float32Array, Query
    from vistazo.store.filters import Filter

_PART = "-- The pictures' part: hits are ordered by words or downloads too, which this leaves out."
_COLUMNS = "photo_id, description, width, height"


def view_sql(query: Query | None, vector: Float32Array | None, filters: Filter, k: int) -> str:
    """The statement whose rows are the first k hits; `embed('..')` stands for a text's vector."""
    lines = [f"SELECT {_COLUMNS}"]
    conditions = [_filled(filters)] if filters.sql else []
    order = "added_at DESC, photo_id"
    if query is not None:
        if query.text is not None:
            target = f"embed({_literal(query.text)})"
        elif query.photo_id is not None:
            own = _literal(query.photo_id)
            target = f"(SELECT photo_embed FROM photos WHERE photo_id = {own} LIMIT 1)"
            conditions.append(f"photo_id != {own}")
        else:
            numbers = [] if vector is None else [f"{number:.5f}" for number in vector.tolist()]
            target = f"[{', '.join(numbers)}]"
        lines[0] += f",\n    distance(photo_embed, {target}) AS distance"
        order = "distance, photo_id"
    lines.append("FROM photos")
    if conditions:
        lines.append("WHERE " + "\n    AND ".join(f"({each})" for each in conditions))
    lines += [f"ORDER BY {order}", f"LIMIT {int(k)}"]
    if query is not None and not Blend.of(query).by_picture:
        lines.insert(0, _PART)
    return "\n".join(lines)


def _filled(filters: Filter) -> str:
    values = filters.params or {}

    def fill(place: re.Match[str]) -> str:
        value = values[place[1]]
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
