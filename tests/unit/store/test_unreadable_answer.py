from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from vistazo.errors import StoreError
from vistazo.store.connect import connect, disconnect, parse


@pytest.mark.parametrize("times", [1, 2])
def test_rows_are_asked_for_once_more_by_a_mock_of_the_client(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    address = parse(tmp_path / "library")
    connection = connect(address, create=True, wait_s=0)
    real, left = connection._client.query_arrow, [times]

    def unreadable(*given: Any, **named: Any) -> pa.Table:
        if left[0]:
            left[0] -= 1
            raise pa.ArrowInvalid("Message metadata too long by 204 bytes")
        return real(*given, **named)

    monkeypatch.setattr(connection._client, "query_arrow", unreadable)
    try:
        if times == 1:
            assert connection.rows("SELECT 7 AS n") == [{"n": 7}]
        else:
            with pytest.raises(StoreError, match="too long"):
                connection.rows("SELECT 7 AS n")
    finally:
        disconnect(address)
