"""ClickHouse's HTTP interface over a library, with MyScale's vector SQL."""
