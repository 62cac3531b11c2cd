"""MyScale's vector SQL on any ClickHouse backend."""
