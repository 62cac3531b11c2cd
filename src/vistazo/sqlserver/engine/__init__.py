"""The engine in this process: raw bytes of any format from and to it."""
