"""A library behind a running server: the same facade, over its REST interface.

What is imported here loads neither encoder nor database client, nor NumPy: `vistazo search` with a
server running is done before these would be loaded.
"""
