"""The web application: photos over HTTP."""
