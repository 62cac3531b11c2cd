"""The library as a whole: copies of the same picture, a map and its themes."""
