"""A library's photos and downloads as a dataset for others: Parquet files, a card, the Hub."""
