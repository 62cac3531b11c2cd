"""The library as a ClickHouse server, with MyScale's vector SQL."""
