"""What photos have in common: how many have which camera, year, country, category or format."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from vistazo.errors import InvalidQuery
from vistazo.records import FacetValue, printable
from vistazo.store.filters import Filter, quoted

if TYPE_CHECKING:
    from vistazo.store.connect import Connection

_MOST = 30  # values of a facet

# Unsplash's column for the country has a name of its own.
_COUNTRY = "attributes['country']", "attributes['photo_location_country']"
# name -> (SQL that gives a text, the filter's field for it)
_FACETS: dict[str, tuple[str, str]] = {
    "camera": ("toString(camera)", "camera"),
    "year": ("ifNull(toString(toYear(taken_at)), '')", "year"),
    "country": (f"if({_COUNTRY[0]} != '', {_COUNTRY[0]}, {_COUNTRY[1]})", "attributes.country"),
    "category": ("attributes['category']", "category"),
    "format": ("toString(format)", "format"),
    "photographer": ("photographer", "photographer"),
    "place": ("place", "place"),
    "source": ("toString(source)", "source"),
}
NAMES = tuple(_FACETS)


def facets(
    connection: Connection,
    names: Sequence[str],
    photo_ids: Sequence[str] | None,
    filters: Filter,
) -> Mapping[str, list[FacetValue]]:
    """The values of each facet, most frequent first, ties by value; what is unknown is left out.

    Args:
        names: of `NAMES`; the answer has them in this order.
        photo_ids: count these photos; None counts all that the filter keeps.
    Raises:
        InvalidQuery: there is no facet of this name.
    """
    for name in names:
        if name not in _FACETS:
            shown = printable(name[:40])
            raise InvalidQuery(f"there is no facet '{shown}'; known are {', '.join(NAMES)}")
    if not names:
        return {}
    pairs = ", ".join(f"('{name}', toValidUTF8({_FACETS[name][0]}))" for name in names)
    if photo_ids is not None:
        filters = Filter("photo_id IN {ids:Array(String)}", {"ids": list(photo_ids)})
    where = f" WHERE {filters.sql}" if filters.sql else ""
    rows = connection.rows(
        "SELECT pair.1 AS name, pair.2 AS value, count() AS photos FROM"
        f" (SELECT arrayJoin([{pairs}]) AS pair FROM photos{where}) WHERE value != ''"
        f" GROUP BY name, value ORDER BY name, photos DESC, value LIMIT {_MOST} BY name",
        filters.params,
    )
    found: dict[str, list[FacetValue]] = {name: [] for name in names}
    for row in rows:
        where = _where(row["name"], row["value"])
        found[row["name"]].append(FacetValue(row["value"], row["photos"], where))
    return found


def _where(name: str, value: str) -> str:
    field = _FACETS[name][1]
    if name == "country":
        text = quoted(value)
        return f"attributes.country = {text} or attributes.photo_location_country = {text}"
    return f"{field} = {value if name == 'year' else quoted(value)}"
