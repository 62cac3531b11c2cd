"""The library to programs that speak ClickHouse: its HTTP interface, MyScale's SQL, a guard."""
