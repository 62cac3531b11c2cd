"""Image search whose photo library is also a SQL database."""

__version__ = "0.1.0"
