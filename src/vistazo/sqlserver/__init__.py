"""The library as a ClickHouse server: what a statement may do, and how it is answered."""
