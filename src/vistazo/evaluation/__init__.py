"""How good and how fast vistazo is, measured."""
