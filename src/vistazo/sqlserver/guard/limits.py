"""Bounds of one query: what they are, and that a caller only ever tightens them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields

from vistazo.errors import InvalidSQL
from vistazo.records import printable
from vistazo.sqlserver.guard import allowed

_REFUSED = 452  # SETTING_CONSTRAINT_VIOLATION, as the real server answers


@dataclass(frozen=True, slots=True)
class Limits:
    """What one query may use; each is the engine's setting of that name.

    Attributes:
        max_execution_time: seconds.
        max_memory_usage: bytes.
        max_result_rows: rows of an answer; more is an error.
        max_threads: threads of the engine.
        max_query_size: characters of SQL, without rows to insert.
        max_ast_depth, max_ast_elements, max_subquery_depth: how large its tree may be.
        max_temporary_data_on_disk_size_for_query: bytes.
    """

    max_execution_time: float = 60
    max_memory_usage: int = 2 << 30
    max_result_rows: int = 10_000_000
    max_threads: int = 4
    max_query_size: int = 1_000_000
    max_ast_depth: int = 500
    max_ast_elements: int = 100_000
    max_subquery_depth: int = 50
    max_temporary_data_on_disk_size_for_query: int = 4 << 30

    def settings(self, given: Mapping[str, str] | None = None) -> dict[str, str]:
        """The settings that a query runs with: the caller's, and the bounds where lower.

        A bound that the caller gave too high becomes ours: monitors send theirs with every query.

        Raises:
            InvalidSQL: a setting that no caller may give.
        """
        taken = {name: str(getattr(self, name)) for name in _BOUNDS}
        for name, value in (given or {}).items():
            if name in _BOUNDS:
                if self._within(name, value):
                    taken[name] = value
            else:
                self.check(name, value)
                taken[name] = value
        return taken

    def check(self, name: str, value: str) -> None:
        """Let one `name = value` of a SETTINGS clause through.

        Args:
            value: as a text, a string without its quotes.
        Raises:
            InvalidSQL: not for callers, or a bound that is looser than ours.
        """
        if name in _BOUNDS:
            if not self._within(name, value):
                raise InvalidSQL(
                    f"the setting {name} goes from 1 to {getattr(self, name)} here; give less",
                    engine_code=_REFUSED,
                )
        elif name in _ONLY_LOWER:
            if re.fullmatch(r"\d{1,19}", value) is None:
                raise InvalidSQL(f"{name} takes a number", engine_code=_REFUSED)
        elif not allowed.is_setting(name):
            raise InvalidSQL(
                f"the setting {printable(name[:80])} cannot be given here; leave it out",
                engine_code=_REFUSED,
            )

    def _within(self, name: str, value: str) -> bool:
        if re.fullmatch(r"\d{1,19}(?:\.\d{0,9})?", value) is None:
            return False
        return 0 < float(value) <= float(getattr(self, name))


_BOUNDS = frozenset(field.name for field in fields(Limits))
# Bounds of the engine that are off, or tighter than anybody can lift them to harm.
_ONLY_LOWER = frozenset(
    {"max_rows_to_read", "max_bytes_to_read", "max_result_bytes", "max_rows_to_group_by"}
    | {"max_rows_to_sort", "max_bytes_to_sort", "max_rows_in_distinct", "max_bytes_in_distinct"}
    | {"max_rows_in_join", "max_bytes_in_join", "max_rows_in_set", "max_bytes_in_set"}
    | {"max_columns_to_read", "max_partitions_to_read", "max_execution_speed"}
    | {"max_block_size", "max_insert_block_size", "min_insert_block_size_rows"}
    | {"min_insert_block_size_bytes", "max_partitions_per_insert_block"}
    | {"max_bytes_before_external_group_by", "max_bytes_before_external_sort"}
    | {"limit", "offset", "max_estimated_execution_time"}
)
