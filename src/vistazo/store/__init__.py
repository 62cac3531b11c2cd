"""The library's tables, in ClickHouse's engine."""
