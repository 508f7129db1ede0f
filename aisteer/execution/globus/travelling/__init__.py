"""The sources of the functions that travel: plain standard library, Python 3.9 and later."""
